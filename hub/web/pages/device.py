"""A device's page in four tabs, each with an address: readings, health, changes, settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Query
from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.database.errors import DatabaseAwayError
from hub.devices.glance import DeviceGlance
from hub.devices.known import DeviceUnknownError
from hub.explain.sentence import Explanation
from hub.live import LiveChange, LiveReport, LiveValue, Missed, Subscription, Update
from hub.services import Services
from hub.web.device.changes_tab import ChangesTab
from hub.web.device.former import FormerPage, successor
from hub.web.device.head import DeviceHead
from hub.web.device.health_tab import HealthTab
from hub.web.device.opened import DeviceTab, OpenedDevice
from hub.web.device.readings_tab import ReadingsTab
from hub.web.device.settings_tab import SettingsTab
from hub.web.following import following
from hub.web.frame import frame
from hub.web.page import page

__all__ = ["mount"]

log = logging.getLogger(__name__)

# Silence is told by nobody: it is looked for.
_EXPLAIN_S = 15.0
_STYLE = '<link rel="stylesheet" href="/static/device.css">'
MakeTab: TypeAlias = Callable[[OpenedDevice, Explanation], DeviceTab]


def mount(services: Services) -> None:
    """Add /devices/<id> and its tabs."""

    @page("/devices/{device}")
    async def readings(
        principal: Reader,
        device: str,
        span: str = "day",
        series: Annotated[list[str] | None, Query()] = None,
    ) -> None:
        await _show(
            services, principal, device, "", lambda one, _: ReadingsTab(one, series or [], span)
        )

    @page("/devices/{device}/health")
    async def health(principal: Reader, device: str) -> None:
        await _show(services, principal, device, "health", HealthTab)

    @page("/devices/{device}/changes")
    async def changes(principal: Reader, device: str) -> None:
        await _show(services, principal, device, "changes", lambda one, _: ChangesTab(one))

    @page("/devices/{device}/settings")
    async def settings(principal: Reader, device: str) -> None:
        await _show(services, principal, device, "settings", lambda one, _: SettingsTab(one))


async def _show(
    services: Services, principal: Principal, device: str, tab: str, make: MakeTab
) -> None:
    await _refuse_unknown(services, principal, device)
    async with following(services.live.subscribe(principal.tenant), "device page") as follow:
        glance = await services.devices.glance(principal.tenant)
        shown = next((one for one in glance.devices if one.device == device), None)
        by = None if shown else await successor(services, principal, device)
        zone = await services.zones.of_devices(principal.tenant, [by[0] if by else device])
        ui.add_head_html(_STYLE)
        if by is not None:
            with frame(principal, device, zone):
                await FormerPage(services, principal, device, by, zone).build()
            return
        shown = shown or DeviceGlance(device, None, None, None, None)
        names = services.homekit.names(principal.tenant)
        opened = OpenedDevice(services, principal, glance, shown, names, zone)
        explanation = await _explained(opened, zone)
        content = _Page(opened, explanation, tab, make)
        with frame(principal, opened.name, zone, head=content.head.build):
            await content.build()
        follow(content.follow)


async def _refuse_unknown(services: Services, principal: Principal, device: str) -> None:
    try:
        await services.devices.require_past(principal.tenant, device)
    except DeviceUnknownError as error:
        raise HTTPException(404, f"{error}.") from None


async def _explained(opened: OpenedDevice, zone: ZoneInfo) -> Explanation:
    return await opened.services.explainer.device(opened.tenant, opened.key, zone=zone)


class _Page:
    """One open tab of a device's page."""

    def __init__(
        self, opened: OpenedDevice, explanation: Explanation, tab: str, make: MakeTab
    ) -> None:
        self._opened = opened
        self.head = DeviceHead(opened, explanation, tab)
        self._tab = make(opened, explanation)

    async def build(self) -> None:
        """Make the tab below the head."""
        await self._tab.build()
        ui.timer(_EXPLAIN_S, self._explain, immediate=False)

    async def _explain(self) -> None:
        try:
            explanation = await _explained(self._opened, self._opened.zone)
        except DatabaseAwayError as error:
            log.info("a device's page waits for the database: %s", error.reason)
            return
        self.head.show(explanation)
        if isinstance(self._tab, HealthTab):
            self._tab.explained(explanation)

    async def follow(self, updates: Subscription) -> None:
        """Show what is heard of it from now on."""
        async for update in updates:
            try:
                await self._take(update)
                await self._tab.take(update)
            except DatabaseAwayError as error:
                log.info("a device's page waits for the database: %s", error.reason)

    async def _take(self, update: Update | Missed) -> None:
        """What the head shows."""
        opened, key = self._opened, self._opened.key
        match update:
            case LiveValue(series, _, at, _) if series.device == key:
                self._seen(at)
            case LiveReport(device, report, at) if device == key:
                opened.device = replace(opened.device, report=dict(report))
                self._seen(at)
            case LiveChange("device" | "place" | "clock") | Missed():
                await opened.read()
                await self._explain()

    def _seen(self, at: datetime) -> None:
        opened = self._opened
        opened.device = replace(opened.device, seen_at=max(opened.device.seen_at or at, at))
        self.head.show()
