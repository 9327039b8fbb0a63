"""Whether a value is beyond a limit for long enough: hysteresis and duration. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["Course", "Crossed", "Threshold"]

# What was measured holds until the next reading, but no longer: then nobody knows. Of a device
# that measures more seldom as much longer as it lets one wait.
_HOLDS, _SHARE = timedelta(hours=2), 1.5
# 4.02 - 1.02, which a calibration may say, is 3.0.
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Threshold:
    """Beyond is above (else below) `limit`; back is on its other side by at least `margin`.

    Both in the series' unit, calibrated; `lasting` is for how long it has to be beyond.
    """

    limit: float
    above: bool
    margin: float
    lasting: timedelta

    def beyond(self, value: float) -> bool:
        """Whether it counts as beyond; the limit itself does not."""
        if _same(value, self.limit):
            return False
        return value > self.limit if self.above else value < self.limit

    def back(self, value: float) -> bool:
        """Whether something that was told of is over."""
        edge = self.limit - self.margin if self.above else self.limit + self.margin
        return _same(value, edge) or (value < edge if self.above else value > edge)

    def worse(self, value: float, other: float) -> bool:
        """Whether a value is further out than another."""
        return value > other if self.above else value < other


def _same(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=_SAME, abs_tol=_SAME)


@dataclass(frozen=True, slots=True)
class Crossed:
    """It was beyond from `since` on and long enough; at its worst it was `worst`.

    `ended` is when a reading was back, None: it goes on. `value` is the last reading.
    """

    since: datetime
    worst: float
    value: float
    ended: datetime | None = None


class Course:
    """What a series did with regard to a threshold, reading by reading, in order.

    `since` is when it went beyond, None: it is not. `told` says that this lasted long enough.
    """

    __slots__ = ("_gap", "_holds", "_threshold", "_value", "_worst", "at", "since", "told")

    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold
        self.since: datetime | None = None
        self.told = False
        self.at: datetime | None = None
        self._worst = self._value = 0.0
        self._holds, self._gap = _HOLDS, timedelta()

    def resume(self, since: datetime, value: float) -> None:
        """As it was told before: open since then; what was read from then on is read again."""
        self.since, self.told, self._worst, self._value = since, True, value, value
        self.at = since - timedelta(microseconds=1)

    def read(self, at: datetime, value: float) -> Crossed | None:
        """One more reading; gives what is over with it, if that had lasted long enough.

        One that is not newer than the last is none.
        """
        if self.at is not None and at <= self.at:
            return None
        # What held until now lasted until now, whatever this reading says.
        self._lasted(at)
        if self.at is not None:
            if self.since is not None and not self.told and at - self.at > self._holds:
                self.since = None  # What was between nobody knows: it begins anew.
            # An outage is no interval: two in a row are.
            gap, self._gap = self._gap, at - self.at
            self._holds = max(_HOLDS, _SHARE * min(gap, self._gap))
        self.at, threshold = at, self._threshold
        if self.since is None:
            if threshold.beyond(value):
                self.since, self._worst, self._value = at, value, value
                self._lasted(at)
            return None
        self._value = value
        over = threshold.back(value) if self.told else not threshold.beyond(value)
        if over:
            ended = self._crossed(at) if self.told else None
            self.since, self.told = None, False
            return ended
        self._lasted(at)
        if threshold.worse(value, self._worst):
            self._worst = value
        return None

    def pass_to(self, now: datetime) -> None:
        """No reading came until now: what was measured last holds on."""
        self._lasted(now)

    @property
    def open(self) -> Crossed | None:
        """What goes on and has lasted long enough."""
        return self._crossed(None) if self.told else None

    def _lasted(self, at: datetime) -> None:
        if self.since is None or self.at is None:
            return
        if min(at, self.at + self._holds) - self.since >= self._threshold.lasting:
            self.told = True

    def _crossed(self, ended: datetime | None) -> Crossed:
        assert self.since is not None  # noqa: S101  # told only while it is beyond
        return Crossed(self.since, self._worst, self._value, ended)
