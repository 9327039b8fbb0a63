"""What two weeks of reports say: is the battery falling, are wakes longer than they were. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from hub.explain.facts import Day, DeviceFacts

__all__ = ["BatteryFall", "awake_grown", "battery_fall", "crashes", "power_losses", "weak_signal"]

# A cell that recovers between wakes, and a noisy ADC, go up and down by this much.
_NOISE_MV, _NOISE_PERCENT = 30.0, 3.0
# A new battery is a rise that no recovery explains.
_NEW_MV, _NEW_PERCENT = 200.0, 20.0
# What is worth a sentence.
_FALL_MV, _FALL_PERCENT = 60.0, 8.0
WEAK_DBM = -80
"""Below this WiFi associates slowly or not at all."""


@dataclass(frozen=True, slots=True)
class BatteryFall:
    """A battery that fell from one value to another since a day; `unit` is mV or %."""

    before: float
    after: float
    since: date
    days: int
    unit: str

    @property
    def days_left(self) -> float | None:
        """Days until it is at 0 %, at this rate; None for volts and for less than two days."""
        if self.unit != "%" or self.days < 2:
            return None
        return self.after / ((self.before - self.after) / self.days)


def battery_fall(facts: DeviceFacts) -> BatteryFall | None:
    """How the battery fell since it was new or the window began; None when it did not."""
    volts = [
        (day.day, float(day.battery_first), float(day.battery_last))
        for day in facts.days
        if day.battery_first is not None and day.battery_last is not None
    ]
    if volts:
        return _fall(volts, "mV", _NOISE_MV, _NEW_MV, _FALL_MV)
    levels = [(day, level, level) for day, level in facts.levels]
    return _fall(levels, "%", _NOISE_PERCENT, _NEW_PERCENT, _FALL_PERCENT)


def _fall(
    days: Sequence[tuple[date, float, float]], unit: str, noise: float, new: float, least: float
) -> BatteryFall | None:
    start = 0
    for n in range(1, len(days)):
        if days[n][1] - days[n - 1][2] >= new:
            start = n
    days = days[start:]
    if not days:
        return None
    before, after = days[0][1], days[-1][2]
    lowest = min(min(first, last) for _, first, last in days)
    if before - after < least or after > lowest + noise:
        return None
    return BatteryFall(before, after, days[0][0], (days[-1][0] - days[0][0]).days, unit)


def awake_grown(days: Sequence[Day]) -> tuple[float, float] | None:
    """(before, now) in ms when wakes of the last day take half as long again as before."""
    known = [day for day in days if day.awake_ms is not None]
    if len(known) < 3:
        return None
    before = median(day.awake_ms or 0 for day in known[:-1])
    now = known[-1].awake_ms or 0
    return (before, now) if now > 1.5 * before and now - before > 200 else None


def weak_signal(facts: DeviceFacts) -> float | None:
    """The signal in dBm when it is weak: of the last report, or of its day if that names none."""
    last = facts.report.get("rssi")
    rssi = last if isinstance(last, int) else (facts.days[-1].rssi if facts.days else None)
    return rssi if rssi is not None and rssi < WEAK_DBM else None


def crashes(days: Sequence[Day]) -> int:
    """Restarts by the watchdog within the last week that is known."""
    return sum(day.watchdogs for day in days[-7:])


def power_losses(days: Sequence[Day]) -> int:
    """Restarts because power was lost, within the last week that is known."""
    return sum(day.powers for day in days[-7:])
