"""What is attached to a device: the list that the hub knows of, and another one asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from nicegui import ui

from contracts.homekit.quantities import importance, quantity
from hub.device_settings.configs import SettingsState
from hub.errors import HubError
from hub.language.times import SpokenClock
from hub.language.words import _
from hub.live import LiveChange
from hub.web.device.opened import OpenedDevice
from hub.web.device.sensor_list import ask_sensors
from hub.web.device.sensor_words import driver_name, options_of
from hub.web.frame import heading
from hub.web.snackbar import Snackbar
from hub.web.terms import called

__all__ = ["SensorsPanel"]

_TRIED = "setting sensors"  # how a device begins what it says against a list


class SensorsPanel:
    """Sensors with their pins; for who administers a dialog that sends another list."""

    def __init__(self, opened: OpenedDevice, snackbar: Snackbar) -> None:
        self._opened, self._snackbar = opened, snackbar
        self._settings = opened.services.device_settings.of(opened.tenant)

    async def build(self) -> None:
        """Make it."""
        with ui.element("section").props(f'aria-label="{_("Sensors")}"').classes("dm-card"):
            heading(_("Sensors"))
            self._status = ui.label().classes("dm-bad").props('role="status"')
            await self._listed()
            if self._opened.principal.administers:
                ui.button(_("Sensors…"), icon="sensors", on_click=self._ask).props(
                    "outline no-caps dense"
                )

    async def show(self) -> None:
        """Show what holds now; what is the same stays, and a focus with it."""
        if self._said(await self._settings.state(self._opened.key)) != self._shown:
            await self._listed.refresh()

    @ui.refreshable_method
    async def _listed(self) -> None:
        state = await self._settings.state(self._opened.key)
        self._shown = self._said(state)
        names, pending, said = self._shown
        if pending:
            with ui.element("span").classes("dm-pill warn"):
                ui.icon("schedule").props('aria-hidden="true"')
                ui.label(pending)
        with ui.element("ul").classes("dm-list"):
            for name, how in names:
                with ui.element("li").classes("dm-row"):
                    ui.label(name)
                    ui.label(how).classes("dm-soft dm-small")
        if said:
            ui.label(said).classes("dm-soft dm-small").props('role="status"')

    def _said(self, state: SettingsState) -> tuple[list[tuple[str, str]], str, str]:
        """(sensors and their pins, what waits, a sentence on where that is from)."""
        board = self._opened.device.report.get("board")
        sensors = _sensors(state)
        if sensors is None:
            said = _("It was set up with them: their pins are known to the device alone.")
            return [(name, "") for name in self._measured()], "", said
        names = [(driver_name(one.get("driver")), options_of(one, board)) for one in sensors]
        if state.waiting:
            at = self._opened.device.next_wake_at
            clock = SpokenClock(datetime.now(UTC), self._opened.zone)
            when = (
                _("at its next wake, about {at}", at=clock.at(at))
                if at
                else _("when it wakes next")
            )
            return names, _("Waits for its wake"), _("Asked for: taken up {when}.", when=when)
        if _TRIED in (state.problem or ""):
            return names, "", _("It kept the list it had: {problem}.", problem=state.problem)
        return names, "", "" if names else _("No sensors are asked for.")

    def _measured(self) -> list[str]:
        values = sorted(self._opened.device.values, key=lambda one: importance(one.series))
        return list(dict.fromkeys(called(quantity(one.series).label) for one in values))

    async def _ask(self) -> None:
        opened = self._opened
        held = _sensors(await self._settings.state(opened.key))
        wanted = await ask_sensors(
            opened.name, held or [], opened.device.report.get("board"), known=held is not None
        )
        if wanted is None or wanted == held:
            return
        if await self._want(wanted, "sensors changed on its page"):
            self._snackbar.offer(
                _("Another list of sensors was asked for."), lambda: self._back(held)
            )

    async def _back(self, held: list[Mapping[str, object]] | None) -> None:
        await self._want(held, "change of sensors undone")

    async def _want(self, sensors: object, why: str) -> bool:
        opened = self._opened
        try:
            await opened.services.device_settings.change(
                opened.tenant, opened.key, {"sensors": sensors}, who=opened.principal.name, why=why
            )
        except HubError as error:
            self._status.text = f"{error}."
            return False
        self._status.text = ""
        opened.services.live.publish(opened.tenant, LiveChange("settings", opened.key))
        return True


def _sensors(state: SettingsState) -> list[Mapping[str, object]] | None:
    """The list that the hub asked for last; None where it never did."""
    told = state.desired.get("sensors")
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else None
