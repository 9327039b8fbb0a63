"""All devices as a table, by place; the way to places and to searching."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.database.errors import DatabaseAwayError
from hub.errors import HubError
from hub.language.words import _, ngettext
from hub.live import LiveChange, LiveOnline, LiveReport, Missed, Subscription
from hub.services import Services
from hub.web.cards import empty
from hub.web.devices.bulk import BulkActions
from hub.web.devices.element import DeviceTable
from hub.web.devices.view import devices_view, spark_series
from hub.web.following import following
from hub.web.frame import frame
from hub.web.page import page
from hub.web.snackbar import Snackbar

__all__ = ["mount"]

log = logging.getLogger(__name__)

_STYLE = '<link rel="stylesheet" href="/static/devices.css">'
# s: however much is told meanwhile, the table is drawn anew no more often.
_AT_MOST_EVERY_S = 5.0
# Silence is told by nobody: it is looked for.
_LOOK_S = 30.0
# s: a half-hour's mean is a new one when it is over.
_LINES_S = 600.0


def mount(services: Services) -> None:
    """Add /devices."""

    @page("/devices")
    async def devices(principal: Reader, place: int | None = None) -> None:
        async with following(services.live.subscribe(principal.tenant), "devices page") as follow:
            view = await _view(services, principal)
            ui.add_head_html(_STYLE)
            with frame(principal, _("Devices")):
                late = sum(bool(one["problem"]["level"]) for one in view["devices"])
                with ui.element("div").classes("dm-top"):
                    ui.label(_said(len(view["devices"]), late)).classes("dm-soft dm-grow")
                    ui.link(_("Search by condition"), "/search").classes("dm-button")
                    ui.link(_("Edit places"), "/places").classes("dm-button")
                if not view["devices"]:
                    _nothing_yet(principal)
                table = DeviceTable(view, place, may=principal.administers)
                sparks = _Sparks(services, principal.tenant, table)
                ui.timer(_LINES_S, sparks.draw)
                if principal.administers:

                    async def done() -> None:
                        table.show(await _view(services, principal))
                        table.clear_choice()

                    actions = BulkActions(services, principal, Snackbar(), done)
                    table.on_bulk(actions.act)
            follow(lambda updates: _follow(updates, services, principal, table))


class _Sparks:
    """The last day of each device's first value, drawn when the page is there, and now and then."""

    def __init__(self, services: Services, tenant: str, table: DeviceTable) -> None:
        self._services, self._tenant, self._table = services, tenant, table

    async def draw(self) -> None:
        """Ask the database and draw; while it is away what was drawn stays."""
        try:
            series = spark_series(await self._services.devices.glance(self._tenant))
            if not series:
                return
            readings = self._services.readings.of(self._tenant)
            found = await readings.sparks(list(series.values()), datetime.now(UTC))
        except HubError as error:  # the next time tries again
            log.info("the table's lines wait: %s", error)
            return
        self._table.draw({device: found[key] for device, key in series.items() if key in found})


def _nothing_yet(principal: Principal) -> None:
    why = _("Each sensor stands here with its place, its state, its battery and its firmware.")
    act = _("Add device") if principal.administers else ""
    empty("sensors", _("No device was heard yet"), why, act, lambda: ui.navigate.to("/add"))


def _said(devices: int, late: int) -> str:
    if not devices:
        return ""
    wrong = (
        ngettext("{n} needs attention", "{n} need attention", late) if late else _("all is well")
    )
    return f"{ngettext('{n} device', '{n} devices', devices)}, {wrong}."


async def _view(services: Services, principal: Principal) -> dict[str, Any]:
    tenant, now = principal.tenant, datetime.now(UTC)
    glance = await services.devices.glance(tenant)
    names = await services.naming.names(tenant)
    problems = await services.explainer.problems(tenant, now=now)
    known = [device.device for device in glance.devices]
    batteries = await services.explainer.batteries(tenant, known, now=now) if known else []
    odd = await services.anomalies.all(tenant)
    return devices_view(glance, names, problems, batteries, now, odd=odd)


async def _follow(
    updates: Subscription, services: Services, principal: Principal, table: DeviceTable
) -> None:
    """Draw it anew when something is not as it was, and now and then."""
    told = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(_listen(updates, told))
        while not listening.done():
            try:
                async with asyncio.timeout(_LOOK_S):
                    await told.wait()
            except TimeoutError:
                pass
            told.clear()
            try:
                table.show(await _view(services, principal))
            except DatabaseAwayError as error:
                log.info("the page of devices waits for the database: %s", error.reason)
            await asyncio.sleep(_AT_MOST_EVERY_S)


async def _listen(updates: Subscription, told: asyncio.Event) -> None:
    async for update in updates:
        if isinstance(update, LiveChange | LiveReport | LiveOnline | Missed):
            told.set()
