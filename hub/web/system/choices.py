"""The cards about what is chosen once: the time zone, who may join, and the versions there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import metadata

from nicegui import ui

from hub.devices.overview import DeviceOverview
from hub.language.words import N_, _, ngettext
from hub.services import Services
from hub.settings import Enrolment, Settings
from hub.virtual.service import VirtualSensors
from hub.web.cards import attempted, card, mark, small_button, what
from hub.zones.service import TenantZones

__all__ = ["firmware_counts", "fixed_settings", "show_joining", "show_time", "show_versions"]

_MINUTES = 15
_MODES = {
    Enrolment.OPEN: N_("Any device that knows the WiFi may join."),
    Enrolment.WINDOW: N_(
        "A new device waits until somebody approves it, or while a window is open."
    ),
    Enrolment.CLOSED: N_("A new device waits until somebody approves it."),
}


def show_time(services: Services, tenant: str, zones: TenantZones) -> None:
    """The card Time: the zone of all times, changed where it is told."""
    with card(_("Time")), ui.element("div").classes("dm-panel-body"):
        own = _("That of the hub's machine")
        own += f" ({zones.zone.key})" if zones.own is None else ""
        names = {"": own, **{name: _named(name) for name in services.zones.names()}}
        chosen = ui.select(names, value=zones.own or "", label=_("Time zone"), with_input=True)
        chosen.props("outlined dense options-dense").classes("w-full")

        async def choose() -> None:
            await attempted(services.zones.set_tenant(tenant, chosen.value or None))
            ui.navigate.reload()

        chosen.on_value_change(choose)
        ui.label(
            _(
                "Every time on every page, in notifications and downloads is of this zone; "
                "days begin at its midnight. A place may have another one: Places says so."
            )
        ).classes("dm-note")


def _named(name: str) -> str:
    return name.replace("_", " ")


def show_joining(services: Services, tenant: str) -> None:
    """The card New devices: who may join, a window in which all may, virtual ones that run."""
    gate = services.mqtt.gate
    with card(_("New devices")) as head, ui.element("ul").classes("dm-items") as lines:
        with ui.element("li"):
            mark("sensors")
            window = gate.window
            minutes = round(window[1] / 60) if window is not None and window[0] == tenant else 0
            what(
                _(_MODES[gate.mode]),
                _(
                    "All may for {more_minutes}.",
                    more_minutes=ngettext("{n} more minute", "{n} more minutes", max(minutes, 1)),
                )
                if minutes
                else _("`--enrolment` of `dormouse hub` changes that."),
            )
        if services.virtual.running and tenant == services.settings.tenant:
            _virtual(services.virtual, lines)
    if gate.mode is not Enrolment.OPEN:
        with head:

            def let_in() -> None:
                gate.open_window(tenant, _MINUTES)
                ui.notify(
                    _("New devices join by themselves for {minutes} minutes.", minutes=_MINUTES)
                )

            name = _("Let new devices join for {minutes} minutes", minutes=_MINUTES)
            small_button(_("Let join for {minutes} min", minutes=_MINUTES), name, let_in)


def _virtual(virtual: VirtualSensors, lines: ui.element) -> None:
    with ui.element("li") as line:
        mark("play_arrow")
        what(_("Three virtual sensors run"), _("They end with the hub, too; what they said stays."))

        async def stop() -> None:
            await virtual.stop()
            lines.remove(line)

        small_button(_("Stop"), _("Stop the virtual sensors"), stop)


def show_versions(settings: Settings, devices: Sequence[DeviceOverview], *, whole: bool) -> None:
    """The card Versions; `whole`: with what is fixed where the hub was started."""
    firmware = firmware_counts(devices)
    said = ", ".join(
        _("{number} on {version}", number=number, version=version)
        for version, number in firmware.most_common(4)
    )
    with card(_("Versions")), ui.element("div").classes("dm-panel-body"):
        with ui.element("dl").classes("dm-pairs"):
            _pair(_("Hub"), metadata.version("dormouse-home"))
            _pair(_("Devices"), said or _("none yet"))
            if whole:
                fixed = fixed_settings(settings)
                _pair(
                    _("Fixed where it was started"),
                    ngettext("{n} setting", "{n} settings", len(fixed)),
                )
        if whole and fixed_settings(settings):
            with ui.expansion(_("Which")).props("dense").classes("w-full"):
                ui.label(", ".join(fixed_settings(settings))).classes("dm-note")


def firmware_counts(devices: Sequence[DeviceOverview]) -> Counter[str]:
    """How many devices report which version."""
    return Counter(str((one.report or {}).get("firmware") or _("not told")) for one in devices)


def fixed_settings(settings: Settings) -> list[str]:
    """Names of the settings that environment or flags gave; never what they are."""
    return sorted(settings.model_fields_set)


def _pair(name: str, value: str) -> None:
    with ui.element("dt"):
        ui.html(name, sanitize=False, tag="span")
    with ui.element("dd"):
        ui.label(value)
