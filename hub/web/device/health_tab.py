"""The second tab of a device's page: battery, radio, wakes, memory, and why it is as it is."""

from __future__ import annotations

from datetime import UTC, datetime

from nicegui import ui

from hub.explain.sentence import Explanation
from hub.language.times import SpokenClock
from hub.language.words import _, ngettext
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
        with ui.element("section").props(f'aria-label="{_("Health")}"'):
            self._facts()
        with ui.element("section").props(f'aria-label="{_("Why")}"').classes("dm-card"):
            heading(_("What is known of it"))
            self._chain()
        with ui.element("section").props(f'aria-label="{_("Reports")}"').classes("dm-card"):
            heading(
                _("Reports of {days}", days=ngettext("{n} day", "{n} days", len(self._days)))
                if self._days
                else _("Reports")
            )
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
        clock = SpokenClock(datetime.now(UTC), self._opened.zone)
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
                    _(
                        "{readings} of {last} never came (boot {boot}); {lost} of them the device "
                        "itself thinned out.",
                        readings=ngettext("{n} reading", "{n} readings", missing),
                        last=gap.last,
                        boot=gap.boot,
                        lost=gap.lost,
                    )
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
        left = (
            _("about {left} left", left=_left(forecast.days_left(now.date()))) if forecast else ""
        )
        lines = [volts if levels else "", left, _("low") if charge["low"] else ""]
        value = f"{levels[0]:.0f} %" if levels else charge["text"]
        found.append((_("Battery"), value, ", ".join(line for line in lines if line)))
    if isinstance(rssi := report.get("rssi"), int | float):
        word = _("Good") if rssi >= -67 else _("Fair") if rssi >= -75 else _("Weak")
        found.append(("WiFi", word, _("{minus} dBm", minus=_minus(rssi))))
    if isinstance(awake := report.get("awake_ms"), int | float):
        usual = [day.awake for day in days if day.awake is not None]
        line = (
            _(
                "a wake; usual {low} to {high}",
                low=f"{min(usual) / 1000:.2f}",
                high=f"{max(usual) / 1000:.2f}",
            )
            if usual
            else ""
        )
        found.append((_("Awake"), f"{awake / 1000:.2f} s", line))
    if isinstance(heap := report.get("free_heap"), int | float):
        least = [day.heap_low for day in days if day.heap_low is not None]
        line = _("least {low} KB", low=f"{min(least) / 1024:.1f}") if least else ""
        found.append((_("Free memory"), f"{heap / 1024:.1f} KB", line))
    if days:
        line = _("mean of {days}", days=ngettext("{n} day", "{n} days", len(days)))
        found.append(
            (
                _("Wakes"),
                _("{n} a day", n=f"{sum(d.reports for d in days) / len(days):.0f}"),
                line,
            )
        )
    return found


def _left(days: int) -> str:
    if days < 1:
        return _("nothing")
    if days >= 2 * 365:
        return _("{n} years", n=days // 365)
    if days >= 2 * 30:
        return _("{n} months", n=days // 30)
    if days >= 2 * 7:
        return _("{n} weeks", n=days // 7)
    return ngettext("{n} day", "{n} days", days)


def _minus(value: float) -> str:
    return f"{value:.0f}".replace("-", "\N{MINUS SIGN}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
