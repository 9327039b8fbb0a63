"""How a device was on a day: its properties as of any instant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.devices.history import DeviceAtInstant
from hub.devices.service import DeviceService
from hub.language.times import span
from hub.language.words import _
from hub.web.ask import typed_instant
from hub.web.device.noted import text_of
from hub.zones.errors import ZoneRefusedError

__all__ = ["PastPanel", "rows"]


def rows(past: DeviceAtInstant | None, zone: ZoneInfo) -> list[tuple[str, str]]:
    """What was known of a device, each with its name."""
    if past is None:
        return [(_("Known"), _("not yet"))]
    places = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(past.place_path)
    facts = [
        (_("Name"), past.name or _("none")),
        (_("Place"), places or _("none")),
        (_("Firmware"), past.firmware or _("not known")),
        (
            _("Interval"),
            _("every {span}", span=span(past.interval_s)) if past.interval_s else _("as built"),
        ),
    ]
    facts += [
        (_("Noted {name}", name=name), text_of(value))
        for name, value in sorted(past.attributes.items())
    ]
    if past.owner:
        facts.append((_("Owner"), past.owner))
    facts += [(_("Calibration"), _calibration(one, zone)) for one in past.calibration]
    return facts if past.calibration else [*facts, (_("Calibration"), _("none"))]


def _calibration(one: dict[str, Any], zone: ZoneInfo) -> str:
    since, until = (_minute(one.get(name), zone) for name in ("since", "until"))
    times = _(" from {since}", since=since) if since else ""
    times += _(" until {until}", until=until) if until else ""
    return _(
        "{characteristic}: {gain} * value {offset}{times}",
        characteristic=one["characteristic"],
        gain=f"{one['gain']:g}",
        offset=f"{one['offset']:+g}",
        times=times,
    )


def _minute(instant: object, zone: ZoneInfo) -> str:
    """`2026-11-22 04:30` of an ISO 8601 instant; empty for none."""
    return zoned(datetime.fromisoformat(str(instant)), zone) if instant else ""


class PastPanel:
    """A day and a time by the zone's clock; what was true then."""

    def __init__(self, devices: DeviceService, tenant: str, device: str, zone: ZoneInfo) -> None:
        self._zone = zone
        self._devices, self._tenant, self._device = devices, tenant, device

    async def build(self) -> None:
        """Make it: as it is now, until an instant is chosen."""
        self._instant = datetime.now(UTC)
        with ui.row().classes("items-center"):
            self._at = (
                ui.input(_("As of"), on_change=self._typed)
                .props("type=datetime-local outlined dense stack-label debounce=300")
                .classes("dm-instant")
            )
            self._when = ui.label().classes("dm-strong").props('aria-live="polite"')
        self._shown = ui.element("dl").classes("dm-facts")
        await self._show(_("Now"))

    async def _typed(self, event: Any) -> None:
        try:
            instant = await typed_instant(event.value, self._zone)
        except ZoneRefusedError as error:
            self._when.text = f"{error}."
            return
        self._instant = min(instant or datetime.now(UTC), datetime.now(UTC))
        await self._show(
            zoned(self._instant, self._zone, "%d %b %Y %H:%M") if instant else _("Now")
        )

    async def _show(self, when: str) -> None:
        instant = self._instant
        past = await self._devices.at(self._tenant, self._device, instant)
        if instant is not self._instant:
            return  # another one was chosen meanwhile
        self._when.text = when
        self._shown.clear()
        with self._shown:
            for name, value in rows(past, self._zone):
                with ui.element("dt"):
                    ui.label(name)
                with ui.element("dd"):
                    ui.label(value)
