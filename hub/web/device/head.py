"""The head of a device's page: where it is, its name, whether all is well, the tabs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nicegui import ui

from hub.explain.sentence import Explanation, Level
from hub.language.times import SpokenClock, span
from hub.language.words import N_, _
from hub.web.device.manage import ask_and_rename
from hub.web.device.opened import OpenedDevice
from hub.web.frame import heading, told_zone
from hub.web.home.view import battery, device_path

__all__ = ["TABS", "DeviceHead", "standing"]

TABS = {
    "": N_("Readings"),
    "health": N_("Health"),
    "changes": N_("Changes"),
    "settings": N_("Settings"),
}
"""The tabs by the last part of their addresses, the first of which has none."""

_STATES = {
    Level.FINE: ("ok", "check", N_("On time")),
    Level.WARNING: ("warn", "warning_amber", N_("Needs attention")),
    Level.BAD: ("bad", "error_outline", N_("Silent")),
}
# What a state of its own is called, by the kind of the sentence that matters most.
_BY_KIND = {
    "account": N_("Locked out"),
    "never": N_("Not heard yet"),
    "replaced": N_("Replaced"),
}


def standing(explanation: Explanation) -> tuple[str, str, str]:
    """Class, icon and words of the state: ("ok", "check", N_("On time"))."""
    head = explanation.headline
    state, icon, words = _STATES[head.level]
    if head.level is Level.FINE:
        return state, icon, _(words)
    words = _BY_KIND.get(head.kind, words)
    if head.level is Level.BAD and head.kind not in {"silent", *_BY_KIND}:
        words = "Needs attention"
    return state, icon, _(words)


class DeviceHead:
    """Stands above each tab, live; `tab` is the one that is open, by its address."""

    def __init__(self, opened: OpenedDevice, explanation: Explanation, tab: str) -> None:
        self._opened, self._explanation, self._tab = opened, explanation, tab

    def build(self) -> None:
        """Make it."""
        self._top()
        told_zone(self._opened.zone)
        path = device_path(self._opened.key)
        with (
            ui.element("nav").props(f'aria-label="{_("Device")}"').classes("dm-seg dm-device-tabs")
        ):
            for address, title in TABS.items():
                link = ui.link(_(title), f"{path}/{address}".rstrip("/"))
                if address == self._tab:
                    link.props('aria-current="page"')

    def show(self, explanation: Explanation | None = None) -> None:
        """Show what holds now."""
        self._explanation = explanation or self._explanation
        if self._state() != self._shown:
            self._top.refresh()
        # What merely ages changes within its element: a focus stays where it is.
        self._sub.text = self._subline()

    def _state(self) -> tuple[object, ...]:
        """What the head is built of, but for the line that changes with each reading."""
        head = self._explanation.headline
        said = "" if head.level is Level.FINE else head.text
        return self._opened.places, self._opened.name, standing(self._explanation), said

    @ui.refreshable_method
    def _top(self) -> None:
        opened, self._shown = self._opened, self._state()
        with ui.element("nav").props(f'aria-label="{_("Where it is")}"').classes("dm-crumbs"):
            ui.link(_("Home"), "/")
            for place in opened.places:
                ui.icon("chevron_right").props('aria-hidden="true"')
                ui.link(place.name, f"/devices?place={place.place}")
            if not opened.places:
                ui.icon("chevron_right").props('aria-hidden="true"')
                ui.label(_("in no place"))
        with ui.element("div").classes("dm-device-head"):
            heading(opened.name, 1)
            if opened.principal.administers:
                ui.button(icon="edit", color=None, on_click=self._rename).props(
                    f'flat round dense aria-label="{_("Rename")}"'
                ).classes("dm-touch")
            state, icon, words = standing(self._explanation)
            with ui.element("span").classes(f"dm-pill {state}"):
                ui.icon(icon).props('aria-hidden="true"')
                ui.label(words)
        self._sub = ui.label(self._subline()).classes("dm-soft dm-subline")
        head = self._explanation.headline
        if head.level is not Level.FINE:
            ui.label(head.text).classes("dm-said-why")

    def _subline(self) -> str:
        device, forecast = self._opened.device, self._explanation.battery
        now = datetime.now(UTC)
        report, charge = device.report, battery(device.report, device.values)
        wakes = device.next_wake_at
        every = report.get("next_wake_s")
        heard = _("never heard")
        if device.seen_at is not None:
            heard = _("heard {span} ago", span=span((now - device.seen_at).total_seconds()))
            if wakes is not None and wakes > now:
                heard += _(", next at {at}", at=SpokenClock(now, self._opened.zone).at(wakes))
        parts = [
            heard,
            _("every {span}", span=span(every))
            if isinstance(every, int | float) and every > 0
            else "",
            device.device,
            _("firmware {firmware}", firmware=report["firmware"]) if report.get("firmware") else "",
            _battery(charge) if charge else "",
            _("empty about {empty_on}", empty_on=forecast.empty_on) if forecast else "",
        ]
        text = " \N{MIDDLE DOT} ".join(part for part in parts if part)
        return text[:1].upper() + text[1:]

    async def _rename(self) -> None:
        opened = self._opened
        if await ask_and_rename(
            opened.services, opened.principal, opened.key, opened.device.name or ""
        ):
            ui.navigate.reload()


def _battery(charge: Mapping[str, Any]) -> str:
    if charge["low"]:
        return _("battery {text}, low", text=charge["text"])
    return _("battery {text}", text=charge["text"])
