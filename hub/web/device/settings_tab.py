"""The fourth tab of a device's page: what a person changes of it."""

from __future__ import annotations

from nicegui import ui

from hub.language.words import _
from hub.live import LiveChange, LiveReport, Missed, Update
from hub.web.device.calibration import CalibrationPanel
from hub.web.device.danger import DangerPanel
from hub.web.device.manage import ManagePanel
from hub.web.device.noted import NotedPanel
from hub.web.device.opened import OpenedDevice
from hub.web.device.quiet import QuietPanel
from hub.web.device.removal import RemovalPanel
from hub.web.device.sensors import SensorsPanel
from hub.web.frame import heading
from hub.web.snackbar import Snackbar

__all__ = ["SettingsTab"]


class SettingsTab:
    """Cards, each of which says what holds; readers see no controls."""

    def __init__(self, opened: OpenedDevice) -> None:
        self._opened = opened

    async def build(self) -> None:
        """Make it."""
        opened = self._opened
        services, principal, zone = opened.services, opened.principal, opened.zone
        snackbar = Snackbar()
        self._manage = ManagePanel(opened)
        self._sensors = SensorsPanel(opened, snackbar)
        quiet = QuietPanel(opened, snackbar)
        self._calibration = CalibrationPanel(services, principal, opened.device, zone)
        self._noted = NotedPanel(services, principal, opened.key, dict(opened.device.attributes))
        with ui.element("div").classes("dm-cols"):
            with ui.element("div").classes("dm-stack"):
                await self._manage.build()
                await self._sensors.build()
                with (
                    ui.element("section")
                    .props(f'aria-label="{_("Attributes")}"')
                    .classes("dm-card")
                ):
                    heading(_("Attributes"))
                    self._noted.build()
            with ui.element("div").classes("dm-stack"):
                with (
                    ui.element("section")
                    .props(f'aria-label="{_("Calibration")}"')
                    .classes("dm-card")
                ):
                    heading(_("Calibration"))
                    self._calibration.build()
                await quiet.build()
                if principal.administers:
                    with (
                        ui.element("section")
                        .props(f'aria-label="{_("Delete readings")}"')
                        .classes("dm-card")
                    ):
                        heading(_("Delete readings"))
                        RemovalPanel(services, principal, opened.device, zone).build()
                    DangerPanel(opened).build()

    async def take(self, update: Update | Missed) -> None:
        """See DeviceTab."""
        key = self._opened.key
        match update:
            case LiveChange("calibration" | "readings", name) if name.partition("/")[0] == key:
                await self._again()
            case LiveChange("settings", name) if name == key:
                await self._asked()
            case LiveChange("device" | "place" | "clock") | Missed():
                await self._again()
            case LiveReport(device) if device == key:
                await self._asked()

    async def _again(self) -> None:
        await self._opened.read()
        self._calibration.read(self._opened.device)
        self._noted.read(dict(self._opened.device.attributes))
        await self._asked()

    async def _asked(self) -> None:
        await self._manage.show()
        await self._sensors.show()
