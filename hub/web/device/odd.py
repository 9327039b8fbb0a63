"""What is odd about a device's series, each in a sentence that can be muted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.reading import SeriesKey
from contracts.zones import zoned
from hub.anomalies.watch import SeriesAnomaly
from hub.api.principal import Principal
from hub.services import Services
from hub.web.charts import ChartMark
from hub.web.frame import heading

__all__ = ["OddPanel"]

_FOR = {"a day": timedelta(days=1), "a week": timedelta(days=7), "for good": None}

_MINUTE = "%d %b %Y %H:%M"


class OddPanel:
    """Found after the page is there, since it takes a look at the past weeks.

    `mark` is awaited with what the chart is to point at.
    """

    def __init__(
        self,
        services: Services,
        principal: Principal,
        device: str,
        mark: Callable[[Mapping[SeriesKey, Sequence[ChartMark]]], Awaitable[None]],
        *,
        zone: ZoneInfo,
    ) -> None:
        self._zone = zone
        self._services, self._principal, self._device, self._mark = (
            services,
            principal,
            device,
            mark,
        )

    def build(self) -> None:
        """Make the place for it."""
        self._box = ui.element("div").classes("w-full")
        ui.timer(0, self.show, once=True)

    async def show(self) -> None:
        """Find what is odd, and say it."""
        odd = await self._services.anomalies.device(self._principal.tenant, self._device)
        self._box.clear()
        if odd:
            with self._box:
                heading("Anomalies")
                with ui.element("ul").classes("dm-odd"):
                    for one in odd:
                        with ui.element("li"):
                            self._line(one)
        await self._mark(_marks(odd))

    def _line(self, one: SeriesAnomaly) -> None:
        ui.label(f"{one.label}: {one.anomaly.text}").classes("dm-soft" if one.muted else "")
        if one.muted:
            until = f"until {zoned(one.until, self._zone, _MINUTE)}" if one.until else "for good"
            ui.label(f"muted {until}").classes("dm-small dm-soft")
        if not self._principal.administers:
            return
        what = f"{one.label}, {one.anomaly.kind.value}"
        if one.muted:
            ui.button("Unmute", on_click=lambda: self._unmute(one)).props(
                f'flat dense no-caps aria-label="Unmute {what}"'
            )
            return
        with ui.button("Mute").props(f'flat dense no-caps aria-label="Mute {what}"'), ui.menu():
            for words, length in _FOR.items():
                ui.menu_item(words, lambda length=length: self._mute(one, length))

    async def _mute(self, one: SeriesAnomaly, length: timedelta | None) -> None:
        until = None if length is None else datetime.now(UTC) + length
        await self._services.anomalies.mute(
            self._principal.tenant, one, until, self._principal.name
        )
        await self.show()

    async def _unmute(self, one: SeriesAnomaly) -> None:
        await self._services.anomalies.unmute(self._principal.tenant, one)
        await self.show()


def _marks(odd: Sequence[SeriesAnomaly]) -> dict[SeriesKey, list[ChartMark]]:
    marks: dict[SeriesKey, list[ChartMark]] = {}
    for one in odd:
        if not one.muted:
            at = round(one.anomaly.at.timestamp() * 1000)
            marks.setdefault(one.series, []).append(
                ChartMark(at, one.anomaly.value, one.anomaly.text)
            )
    return marks
