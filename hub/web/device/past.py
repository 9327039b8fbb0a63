"""A device's history: its properties as of each change, by a slider, and as of any instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.devices.history import DeviceAtInstant, PropertyChange
from hub.devices.service import DeviceService
from hub.web.ask import typed_instant
from hub.web.device.noted import text_of
from hub.zones.errors import ZoneRefusedError

__all__ = ["PastPanel", "rows"]

_MOST = 500
_SECOND = "%d %b %Y %H:%M:%S"


def rows(past: DeviceAtInstant | None, zone: ZoneInfo) -> list[tuple[str, str]]:
    """What was known of a device, each with its name."""
    if past is None:
        return [("Known", "not yet")]
    places = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(past.place_path)
    facts = [
        ("Name", past.name or "none"),
        ("Place", places or "none"),
        ("Firmware", past.firmware or "not known"),
        ("Interval", f"{past.interval_s} s" if past.interval_s else "its own"),
    ]
    facts += [(f"Noted {name}", text_of(value)) for name, value in sorted(past.attributes.items())]
    if past.owner:
        facts.append(("Owner", past.owner))
    facts += [("Calibration", _calibration(one, zone)) for one in past.calibration]
    return facts if past.calibration else [*facts, ("Calibration", "none")]


def _calibration(one: dict[str, Any], zone: ZoneInfo) -> str:
    since, until = (_minute(one.get(name), zone) for name in ("since", "until"))
    times = f" from {since}" if since else ""
    times += f" until {until}" if until else ""
    return f"{one['characteristic']}: {one['gain']:g} * value {one['offset']:+g}{times}"


def _minute(instant: object, zone: ZoneInfo) -> str:
    """`2026-11-22 04:30` of an ISO 8601 instant; empty for none."""
    return zoned(datetime.fromisoformat(str(instant)), zone) if instant else ""


class PastPanel:
    """Ticks of the version clock are the slider's steps; the last is the present."""

    def __init__(self, devices: DeviceService, tenant: str, device: str, zone: ZoneInfo) -> None:
        self._zone = zone
        self._devices, self._tenant, self._device = devices, tenant, device
        self._ticks: list[tuple[datetime, str]] = []

    async def build(self) -> None:
        """Make it."""
        changes = await self._devices.changes(self._tenant, self._device, most=_MOST)
        self._ticks = ticks(changes)
        self._instant = datetime.now(UTC)
        last = len(self._ticks)
        self._when = ui.label().classes("dm-strong").props('aria-live="polite"')
        if last:
            ui.slider(min=0, max=last, value=last, on_change=self._slid).props(
                'markers snap aria-label="Change by change, the last is now"'
            ).classes("dm-slider")
        with ui.row().classes("items-center"):
            self._at = (
                ui.input("As of", on_change=self._typed)
                .props("type=datetime-local outlined dense")
                .classes("dm-instant")
            )
        self._shown = ui.element("dl").classes("dm-facts")
        await self._show("Now")

    async def _slid(self, event: Any) -> None:
        step = int(event.value) if isinstance(event.value, int | float) else 0
        if not 0 <= step < len(self._ticks):
            self._instant = datetime.now(UTC)
            await self._show("Now")
            return
        at, what = self._ticks[step]
        self._instant = at
        await self._show(f"{zoned(at, self._zone, _SECOND)}: {what}")

    async def _typed(self, event: Any) -> None:
        try:
            instant = await typed_instant(event.value, self._zone)
        except ZoneRefusedError as error:
            self._when.text = f"{error}."
            return
        if instant is None:
            return
        self._instant = min(instant, datetime.now(UTC))
        await self._show(zoned(self._instant, self._zone, "%d %b %Y %H:%M"))

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


def ticks(changes: Sequence[PropertyChange]) -> list[tuple[datetime, str]]:
    """Instants at which something changed, oldest first, each with what, who and why."""
    by_instant: dict[datetime, list[PropertyChange]] = {}
    for change in changes:
        by_instant.setdefault(change.at, []).append(change)
    return [(at, _summary(by_instant[at])) for at in sorted(by_instant)]


def _summary(changes: Sequence[PropertyChange]) -> str:
    what = ", ".join(dict.fromkeys(change.property.replace("_s", "") for change in changes))
    by = f" by {changes[0].who}" if changes[0].who else ""
    why = f" ({changes[0].why})" if changes[0].why else ""
    return f"{what}{by}{why}"
