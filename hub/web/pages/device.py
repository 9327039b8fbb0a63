"""A device's page: newest values, readings, status reports, history, calibration."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Query
from nicegui import background_tasks, context, ui

from contracts.show import Clock, count, span
from hub.api.principal import Principal, Reader
from hub.database.errors import DatabaseAwayError
from hub.devices.glance import DeviceGlance, Glance
from hub.devices.known import DeviceUnknownError
from hub.explain.battery import BatteryForecast
from hub.explain.sentence import Level
from hub.live import LiveChange, LiveReport, LiveValue
from hub.services import Services
from hub.web.charts import ChartMove
from hub.web.device import reports
from hub.web.device.calibration import CalibrationPanel
from hub.web.device.chart import ChartPanel
from hub.web.device.choices import Choices
from hub.web.device.moves import listed, moves_of, replacements_of
from hub.web.device.noted import NotedPanel
from hub.web.device.now import NowPanel
from hub.web.device.odd import OddPanel
from hub.web.device.past import PastPanel
from hub.web.device.removal import RemovalPanel
from hub.web.frame import frame, heading
from hub.web.home.view import battery, name_of

__all__ = ["mount"]

log = logging.getLogger(__name__)

_LEVELS = {Level.FINE: "dm-well", Level.WARNING: "dm-warn", Level.BAD: "dm-bad"}
# Silence is told by nobody: it is looked for.
_EXPLAIN_S = 15.0
_STYLE = '<link rel="stylesheet" href="/static/device.css">'


def mount(services: Services) -> None:
    """Add /devices/<id>."""

    @ui.page("/devices/{device}")
    async def page(
        principal: Reader,
        device: str,
        span: str = "day",
        series: Annotated[list[str] | None, Query()] = None,
    ) -> None:
        await _refuse_unknown(services, principal, device)
        glance = await services.devices.glance(principal.tenant)
        shown = next((one for one in glance.devices if one.device == device), None)
        shown = shown or DeviceGlance(device, None, None, None, None)
        zone = await services.zones.of_devices(principal.tenant, [device])
        content = _Page(services, principal, glance, shown, zone)
        ui.add_head_html(_STYLE)
        with frame(principal, name_of(shown, content.names), zone):
            await content.build(series or [], span)


async def _refuse_unknown(services: Services, principal: Principal, device: str) -> None:
    try:
        await services.devices.require(principal.tenant, device)
    except DeviceUnknownError as error:
        raise HTTPException(404, f"{error}.") from None


class _Page:
    """One open page of a device."""

    def __init__(
        self,
        services: Services,
        principal: Principal,
        glance: Glance,
        device: DeviceGlance,
        zone: ZoneInfo,
    ) -> None:
        self._zone = zone
        self._services, self._principal, self._device = services, principal, device
        self._readings = services.readings.of(principal.tenant)
        bridge = self._services.bridges.running().get(principal.tenant)
        self.names = bridge.names() if bridge is not None else {}
        self._glance = glance
        self._forecast: BatteryForecast | None = None

    async def build(self, requested: list[str], span: str) -> None:
        """Make all of it, the quickest first."""
        key = self._device.device
        measured = await self._services.devices.measured_in(self._principal.tenant)
        self._offered = Choices.of(self._glance, self.names, key, measured)
        self._sub = ui.label(self._subline()).classes("dm-soft dm-subline")
        self._why = ui.expansion().classes("dm-explain").props("dense")
        await self._explain()
        self._now = NowPanel(self._services, self._principal, self._device)
        with ui.element("section").props('aria-label="Now"'):
            heading("Now")
            self._now.build()
        self._chart = ChartPanel(
            self._readings,
            self._glance,
            self._offered,
            self._services.supervisor.defects,
            self._moves,
            zone=self._zone,
        )
        with ui.element("section").props('aria-label="Readings"'):
            heading("Readings")
            await self._chart.build(self._offered.first(key, requested), span)
        self._odd = OddPanel(
            self._services, self._principal, key, self._chart.mark, zone=self._zone
        )
        with ui.element("section").props('aria-label="Anomalies"'):
            self._odd.build()
        with ui.element("section").props('aria-label="Status"'):
            heading("Status")
            reports.build(await self._readings.report_days(key), self._zone)
            await self._gaps()
        with ui.element("section").props('aria-label="Attributes"'):
            heading("Attributes")
            self._noted = NotedPanel(
                self._services, self._principal, key, dict(self._device.attributes)
            )
            self._noted.build()
        with ui.element("section").props('aria-label="History"'):
            heading("History")
            self._past = PastPanel(self._services.devices, self._principal.tenant, key, self._zone)
            await self._past.build()
            await self._where()
        with ui.element("section").props('aria-label="Calibration"'):
            heading("Calibration")
            self._calibration = CalibrationPanel(
                self._services, self._principal, self._device, self._zone
            )
            self._calibration.build()
        with ui.element("section").props('aria-label="Removal"'):
            heading("Removal")
            self._removal = RemovalPanel(self._services, self._principal, self._device, self._zone)
            await self._removal.build()
        self._follow()

    def _subline(self) -> str:
        device, forecast = self._device, self._forecast
        places = {place.place: place for place in self._glance.places}
        path: list[str] = []
        at = places.get(device.place or 0)
        while at is not None:
            path.insert(0, at.name)
            at = places.get(at.parent or 0)
        charge = battery(device.report, device.values)
        parts = [
            device.device,
            " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(path) or "in no place",
            f"firmware {device.report['firmware']}" if device.report.get("firmware") else "",
            f"battery {charge['text']}{', low' if charge['low'] else ''}" if charge else "",
            f"empty about {forecast.empty_on}" if forecast else "",
            _heard(device),
        ]
        return " · ".join(part for part in parts if part)

    async def _explain(self) -> None:
        """The sentence that matters most; the rest on demand."""
        explanation = await self._services.explainer.device(
            self._principal.tenant, self._device.device, zone=self._zone
        )
        self._forecast = explanation.battery
        self._sub.text = self._subline()
        self._why.text = explanation.headline.text
        level = explanation.headline.level
        self._why.classes(_LEVELS[level], remove=" ".join({*_LEVELS.values()} - {_LEVELS[level]}))
        clock = Clock(datetime.now(UTC), self._zone)
        self._why.clear()
        with self._why, ui.element("ol").classes("dm-chain"):
            for sentence in explanation.chain:
                with ui.element("li"):
                    ui.label(f"{clock.at(sentence.at)}: {sentence.text}")

    async def _gaps(self) -> None:
        """Readings that never came, counted by their numbers."""
        for gap in await self._services.devices.gaps(self._principal.tenant, self._device.device):
            missing = sum(b - a + 1 for a, b in gap.missing)
            if missing:
                ui.label(
                    f"{count(missing, 'reading')} of {gap.last} never came (boot {gap.boot}); "
                    f"{gap.lost} of them the device itself thinned out."
                )

    def _follow(self) -> None:
        """Show what is heard of it from now on."""
        key, tenant = self._device.device, self._principal.tenant

        async def follow() -> None:
            async with self._services.live.subscribe(tenant) as updates:
                async for update in updates:
                    match update:
                        case LiveValue(series, _, at, _):
                            if series.device == key:
                                self._now.heard(update)
                                self._seen(at)
                            await self._chart.heard(series, at)
                        case LiveReport(device, report, at) if device == key:
                            self._device = replace(self._device, report=dict(report))
                            self._seen(at)
                        case LiveChange():
                            await self._changed(update)

        task = background_tasks.create(follow(), name="device page")
        context.client.on_delete(task.cancel)
        ui.timer(_EXPLAIN_S, self._explain, immediate=False)

    async def _changed(self, change: LiveChange) -> None:
        """Something is not as it was."""
        match change:
            case LiveChange("calibration", series_name):
                await self._recalibrated(series_name.partition("/")[0])
            case LiveChange("readings", series_name):
                await self._removed(series_name.partition("/")[0])
            case LiveChange("device", changed) if changed == self._device.device:
                await self._moved()
            case LiveChange("place"):
                await self._moved()
            case LiveChange("clock"):
                await self._dated_again()

    async def _moves(self) -> list[ChartMove]:
        devices, key = self._services.devices, self._device.device
        stays = await devices.stays(self._principal.tenant, key)
        changes = await devices.changes(self._principal.tenant, key, most=500)
        return [*moves_of(stays), *replacements_of(changes)]

    @ui.refreshable_method
    async def _where(self) -> None:
        """Where it was when."""
        stays = await self._services.devices.stays(self._principal.tenant, self._device.device)
        with ui.element("ul").classes("dm-where"):
            for line in listed(stays, self._zone):
                with ui.element("li"):
                    ui.label(line)

    async def _moved(self) -> None:
        """It was told to be, or to have been, somewhere else, or something was noted."""
        key = self._device.device
        try:
            await self._where.refresh()
            await self._chart.draw()
            found = await self._services.devices.glance(self._principal.tenant, key)
            for one in found.devices:
                self._noted.read(dict(one.attributes))
        except DatabaseAwayError as error:
            log.info("a device's page waits for the database: %s", error.reason)

    async def _recalibrated(self, device: str) -> None:
        """Something is calibrated otherwise: here at once, too."""
        try:
            if device == self._device.device:
                found = await self._services.devices.glance(self._principal.tenant, device)
                for one in found.devices:
                    self._now.read(one)
                    self._calibration.read(one)
            if self._chart.shows(device):
                await self._chart.draw()
        except DatabaseAwayError as error:
            log.info("a device's page waits for the database: %s", error.reason)

    async def _removed(self, device: str) -> None:
        """Readings were removed: here at once, too."""
        try:
            if device == self._device.device:
                found = await self._services.devices.glance(self._principal.tenant, device)
                for one in found.devices:
                    self._now.renew(one)
                    self._calibration.read(one)
                await self._removal.show_trail()
            if self._chart.shows(device):
                await self._chart.draw()
        except DatabaseAwayError as error:
            log.info("a device's page waits for the database: %s", error.reason)

    async def _dated_again(self) -> None:
        """This machine's clock was set, and what it dated wrongly has other times."""
        services, tenant = self._services, self._principal.tenant
        try:
            found = await services.devices.glance(tenant)
            seen = {one.device: one.seen_at for one in found.devices}
            await self._chart.dated_again(seen)
        except DatabaseAwayError as error:
            log.info("a device's page waits for the database: %s", error.reason)
            return
        await self._removed(self._device.device)
        self._device = replace(self._device, seen_at=seen.get(self._device.device))
        self._sub.text = self._subline()

    def _seen(self, at: datetime) -> None:
        self._device = replace(self._device, seen_at=max(self._device.seen_at or at, at))
        self._sub.text = self._subline()


def _heard(device: DeviceGlance) -> str:
    if device.seen_at is None:
        return "never heard"
    return f"heard {span((datetime.now(UTC) - device.seen_at).total_seconds())} ago"
