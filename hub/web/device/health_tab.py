"""The second tab of a device's page: battery, radio, wakes, memory, and why it is as it is."""

from __future__ import annotations

from datetime import UTC, datetime

from nicegui import ui

from contracts.show import Clock, count
from hub.explain.sentence import Explanation
from hub.live import LiveChange, LiveReport, Missed, Update
from hub.readings.reports import ReportDay
from hub.web.device import reports
from hub.web.device.opened import OpenedDevice
from hub.web.frame import heading
from hub.web.home.view import battery

__all__ = ["HealthTab", "health_facts"]

_DAYS = 90
Fact = tuple[str, str, str]
"""A name, its value, and a line of context."""


class HealthTab:
    """`explanation` is what was found when the page was made."""

    def __init__(self, opened: OpenedDevice, explanation: Explanation) -> None:
        self._opened, self._explanation = opened, explanation

    async def build(self) -> None:
        """Make it."""
        opened = self._opened
        readings = opened.services.readings.of(opened.tenant)
        days = await readings.report_days(opened.key)
        self._days = days[-_DAYS:]
        self._missing = await self._gaps()
        with ui.element("section").props('aria-label="Health"'):
            self._facts()
        with ui.element("section").props('aria-label="Why"').classes("dm-card"):
            heading("What is known of it")
            self._chain()
        with ui.element("section").props('aria-label="Reports"').classes("dm-card"):
            heading(f"Reports of {count(len(self._days), 'day')}" if self._days else "Reports")
            reports.build(self._days, opened.zone)
            for line in self._missing:
                ui.label(line)

    def explained(self, explanation: Explanation) -> None:
        """Show what is known now."""
        self._explanation = explanation
        self._chain.refresh()
        self._facts.refresh()

    async def take(self, update: Update | Missed) -> None:
        """See DeviceTab."""
        match update:
            case LiveReport(device) if device == self._opened.key:
                self._facts.refresh()
            case LiveChange("clock") | Missed():
                await self._opened.read()
                self._facts.refresh()

    @ui.refreshable_method
    def _facts(self) -> None:
        with ui.element("dl").classes("dm-strip-facts"):
            for name, value, line in health_facts(
                self._opened, self._explanation, self._days, datetime.now(UTC)
            ):
                with ui.element("div"):
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd").classes("dm-number"):
                        ui.label(value)
                    if line:
                        with ui.element("dd").classes("dm-soft dm-small"):
                            ui.label(line)

    @ui.refreshable_method
    def _chain(self) -> None:
        clock = Clock(datetime.now(UTC), self._opened.zone)
        ui.label(_sentence(self._explanation.headline.text)).classes("dm-strong")
        with ui.element("ol").classes("dm-chain"):
            for one in self._explanation.chain:
                with ui.element("li"):
                    ui.label(f"{clock.at(one.at)}: {one.text}")

    async def _gaps(self) -> list[str]:
        """Readings that never came, counted by their numbers."""
        found = await self._opened.services.devices.gaps(self._opened.tenant, self._opened.key)
        lines = []
        for gap in found:
            missing = sum(b - a + 1 for a, b in gap.missing)
            if missing:
                lines.append(
                    f"{count(missing, 'reading')} of {gap.last} never came (boot {gap.boot}); "
                    f"{gap.lost} of them the device itself thinned out."
                )
        return lines


def health_facts(
    opened: OpenedDevice, explanation: Explanation, days: list[ReportDay], now: datetime
) -> list[Fact]:
    """What a device says of itself, each with its context; nothing of what it never said."""
    report, found = opened.device.report, list[Fact]()
    charge, forecast = battery(report, opened.device.values), explanation.battery
    levels = [
        value.value
        for value in opened.device.values
        if value.series.characteristic == "BatteryLevel" and isinstance(value.value, int | float)
    ]
    if charge:
        volts = charge["text"] if charge["text"].endswith("V") else ""
        left = f"about {_left(forecast.days_left(now.date()))} left" if forecast else ""
        lines = [volts if levels else "", left, "low" if charge["low"] else ""]
        value = f"{levels[0]:.0f} %" if levels else charge["text"]
        found.append(("Battery", value, ", ".join(line for line in lines if line)))
    if isinstance(rssi := report.get("rssi"), int | float):
        word = "Good" if rssi >= -67 else "Fair" if rssi >= -75 else "Weak"
        found.append(("WiFi", word, f"{_minus(rssi)} dBm"))
    if isinstance(awake := report.get("awake_ms"), int | float):
        usual = [day.awake for day in days if day.awake is not None]
        line = f"a wake; usual {min(usual) / 1000:.2f} to {max(usual) / 1000:.2f}" if usual else ""
        found.append(("Awake", f"{awake / 1000:.2f} s", line))
    if isinstance(heap := report.get("free_heap"), int | float):
        least = [day.heap_low for day in days if day.heap_low is not None]
        line = f"least {min(least) / 1024:.1f} KB" if least else ""
        found.append(("Free memory", f"{heap / 1024:.1f} KB", line))
    if days:
        line = f"mean of {count(len(days), 'day')}"
        found.append(("Wakes", f"{sum(d.reports for d in days) / len(days):.0f} a day", line))
    return found


def _left(days: int) -> str:
    if days < 1:
        return "nothing"
    for length, unit in ((365, "years"), (30, "months"), (7, "weeks")):
        if days >= 2 * length:
            return f"{days // length} {unit}"
    return count(days, "day")


def _minus(value: float) -> str:
    return f"{value:.0f}".replace("-", "\N{MINUS SIGN}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
