"""The first tab of a device's page: newest values, the chart, what is unusual."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui

from hub.language.words import _
from hub.live import LiveChange, LiveValue, Missed, Update
from hub.web.charts import ChartMove
from hub.web.device.chart import ChartPanel
from hub.web.device.choices import Choices
from hub.web.device.moves import moves_of, replacements_of, updates_of
from hub.web.device.now import NowPanel
from hub.web.device.odd import OddPanel
from hub.web.device.opened import OpenedDevice

__all__ = ["ReadingsTab"]

# What was told just before the page subscribed is stored a moment later.
_AGAIN_S = (1.0, 4.0)


class ReadingsTab:
    """`requested` are the series and `span` the time that the address asks for."""

    def __init__(self, opened: OpenedDevice, requested: Sequence[str], span: str) -> None:
        self._opened, self._requested, self._span = opened, requested, span

    async def build(self) -> None:
        """Make it, the quickest first."""
        opened = self._opened
        services, principal, zone = opened.services, opened.principal, opened.zone
        measured = await services.devices.measured_in(opened.tenant)
        offered = Choices.of(opened.glance, opened.names, opened.key, measured)
        self._now = NowPanel(services, principal, opened.device)
        with ui.element("section").props(f'aria-label="{_("Newest values")}"'):
            self._now.build()
        self._chart = ChartPanel(
            lambda: services.readings.to_read(opened.tenant),
            opened.glance,
            offered,
            services.supervisor.defects,
            self._moves,
            usual=partial(services.anomalies.usual, opened.tenant),
            zone=zone,
        )
        with ui.element("section").props(f'aria-label="{_("Readings")}"').classes("dm-card"):
            await self._chart.build(offered.first(opened.key, self._requested), self._span)
        self._odd = OddPanel(services, principal, opened.key, self._chart.mark, zone=zone)
        with ui.element("section").props(f'aria-label="{_("Unusual")}"'):
            self._odd.build()
        for after in _AGAIN_S:
            ui.timer(after, self._look_again, once=True, immediate=False)

    async def take(self, update: Update | Missed) -> None:
        """See DeviceTab."""
        key = self._opened.key
        match update:
            case LiveValue(series, _, at, _):
                if series.device == key:
                    self._now.heard(update)
                await self._chart.heard(series, at)
            case LiveChange("calibration", series_name):
                await self._changed(series_name.partition("/")[0], gone=False)
            case LiveChange("readings", series_name):
                await self._changed(series_name.partition("/")[0], gone=True)
            case LiveChange("clock") | Missed():
                await self._dated_again()
            case LiveChange("device", changed) if changed == key:
                await self._chart.draw()
            case LiveChange("place"):
                await self._chart.draw()

    async def _moves(self) -> list[ChartMove]:
        devices, tenant, key = self._opened.services.devices, self._opened.tenant, self._opened.key
        stays = await devices.stays(tenant, key)
        changes = await devices.changes(tenant, key, most=500)
        return [*moves_of(stays), *replacements_of(changes), *updates_of(changes)]

    async def _changed(self, device: str, *, gone: bool) -> None:
        """Something is calibrated otherwise, or readings were removed: here at once, too."""
        if device == self._opened.key:
            await self._opened.read()
            (self._now.renew if gone else self._now.read)(self._opened.device)
        if self._chart.shows(device):
            await self._chart.draw()

    async def _dated_again(self) -> None:
        """This machine's clock was set, and what it dated wrongly has other times."""
        found = await self._opened.services.devices.glance(self._opened.tenant)
        await self._chart.dated_again({one.device: one.seen_at for one in found.devices})
        await self._changed(self._opened.key, gone=True)

    async def _look_again(self) -> None:
        await self._opened.read()
        self._now.read(self._opened.device)
