"""A device at an instant, with what follows from its facts."""

from __future__ import annotations

from datetime import timedelta

from contracts.show import volts
from hub.explain import trends
from hub.explain.battery import forecast
from hub.explain.facts import DeviceFacts
from hub.explain.outages import merged
from hub.explain.silence import Silence, silence
from hub.language.times import SpokenClock

__all__ = ["Case"]

# A device that promised nothing (no next wake, no last will) may have nothing to say.
_UNPROMISED = timedelta(days=1)
# A device that stays awake reports once an interval, an hour at most as a rule.
_AWAKE = timedelta(hours=2)


class Case:
    """Facts, the instant they are looked at, and what follows from both."""

    def __init__(self, facts: DeviceFacts, clock: SpokenClock) -> None:
        self.facts = facts
        self.clock = clock
        self.now = clock.now
        self.away = merged(facts.outages, clock.now)
        self.silence = self._silence()
        self.battery_fall = trends.battery_fall(facts)
        self.battery_forecast = forecast(facts)
        self.weak_signal = trends.weak_signal(facts)

    @property
    def interval(self) -> float | None:
        """Seconds between wakes as last announced."""
        facts = self.facts
        if facts.next_wake_at is None or facts.report_at is None:
            return None
        return max(1.0, (facts.next_wake_at - facts.report_at).total_seconds())

    def _silence(self) -> Silence | None:
        facts, interval = self.facts, self.interval
        if interval is None or facts.report_at is None:
            return None
        last = max(facts.report_at, facts.seen_at or facts.report_at)
        return silence(last + timedelta(seconds=interval), interval, self.now, self.away)

    @property
    def low(self) -> bool:
        """Whether the battery is nearly empty."""
        reading = self.facts.last_reading
        if reading is not None and reading.battery_percent is not None:
            return reading.battery_percent <= 15
        millivolts = self.facts.report.get("battery_mv")
        return isinstance(millivolts, int) and 0 < millivolts < 2500

    def battery(self) -> str | None:
        """`2.71 V`, `23 %`; None where nothing is known."""
        millivolts = self.facts.report.get("battery_mv")
        reading = self.facts.last_reading
        parts = [volts(millivolts)] if isinstance(millivolts, int) and millivolts > 0 else []
        if reading is not None and reading.battery_percent is not None:
            parts.append(f"{reading.battery_percent:.0f} %")
        return ", ".join(parts) or None

    @property
    def patience(self) -> timedelta:
        """How long one that did not say when it wakes may say nothing."""
        return _AWAKE if self.facts.report else _UNPROMISED

    def time_without_message(self) -> timedelta | None:
        """For how long nothing came from a device that did not say when it wakes."""
        facts = self.facts
        if facts.seen_at is None or self.interval is not None:
            return None
        listening = facts.seen_at
        for start, end in self.away:
            if start <= listening < end:
                listening = end
        return self.now - listening
