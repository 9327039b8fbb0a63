"""Trends of a device's health from its reports: battery, radio, time awake, memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.homekit.quantities import Quantity, Shape
from hub.language.words import _
from hub.readings.reports import ReportDay
from hub.web.charts import BinRanges, RawPoints, Trace, options
from hub.web.charts.element import Chart

__all__ = ["build", "trend"]

DAY_MS = 86_400_000

_BATTERY = Quantity("Battery", "V", Shape.CURVE, 2)
_RADIO = Quantity("WiFi signal", "dBm", Shape.CURVE)
_AWAKE = Quantity("Time awake", "ms", Shape.CURVE)
_MEMORY = Quantity("Free memory", "KB", Shape.CURVE, 1)
_COUNT = Quantity("Reports a day", "", Shape.CURVE)

_LINES: list[tuple[str, Quantity, Callable[[ReportDay], float | None]]] = [
    ("Battery, lowest of the day", _BATTERY, lambda d: _of(d.battery_low, 1000)),
    ("WiFi signal, mean", _RADIO, lambda d: d.rssi),
    ("Awake, mean", _AWAKE, lambda d: d.awake),
    ("Awake, longest", _AWAKE, lambda d: _of(d.awake_high, 1)),
    ("Free memory, least", _MEMORY, lambda d: _of(d.heap_low, 1024)),
]


def build(days: Sequence[ReportDay], zone: ZoneInfo) -> None:
    """The charts, or why there are none."""
    if not days:
        ui.label(_("It has not sent a status report yet.")).classes("dm-soft")
        return
    made = trend(days, datetime.now(UTC), zone)
    last = days[-1]
    spoken = _("Chart of {days} days of reports, the last of {day}.", days=len(days), day=last.day)
    Chart(made, spoken)
    for text in _events(days):
        ui.label(text)


def trend(days: Sequence[ReportDay], now: datetime, zone: ZoneInfo | None = None) -> dict[str, Any]:
    """The days as a chart's options: lines by day (UTC), and the count of reports as bars."""
    traces = []
    for name, kind, value in _LINES:
        known = [(_ms(d.day), v) for d in days if (v := value(d)) is not None]
        if known:
            at, values = zip(*known, strict=True)
            data = BinRanges(at, DAY_MS, values, values, values)
            traces.append(Trace(name, kind, data))
    counted = RawPoints([_ms(d.day) + DAY_MS // 2 for d in days], [float(d.reports) for d in days])
    traces.append(Trace(_COUNT.label, _COUNT, counted, bars=True))
    present = round(now.timestamp() * 1000)
    # Whole days, so that today's bar has its place.
    until = _ms(now.astimezone(UTC).date()) + DAY_MS
    since = min(_ms(days[0].day), until - 7 * DAY_MS)
    return options(traces, since, until, now=present, low=True, zone=zone)


def _events(days: Sequence[ReportDay]) -> list[str]:
    """Restarts that nobody asked for."""
    watchdogs, powers = sum(d.watchdogs for d in days), sum(d.powers for d in days)
    events = []
    if watchdogs:
        events.append(
            _("Restarted by its watchdog {watchdogs} times in this time.", watchdogs=watchdogs)
        )
    if powers:
        events.append(
            _("Started after being without power {powers} times in this time.", powers=powers)
        )
    return events


def _of(value: int | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


def _ms(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
