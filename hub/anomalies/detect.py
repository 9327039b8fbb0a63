"""What of a series' last day does not fit its profile. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from itertools import pairwise

from contracts import show as said
from contracts.show import Clock
from hub.anomalies.profile import STUCK_READINGS, Measurement, SeriesProfile
from hub.language.words import N_

__all__ = ["Anomaly", "AnomalyKind", "AnomalyWords", "detect"]

# One odd reading is a jump there and back; a range is left when several say so.
_RANGE_READINGS = 3
# Wakes that may be missed before a series counts as silent, and the least silence (s).
_MISSED, _SILENT_LEAST_S = 4, 900.0


class AnomalyKind(StrEnum):
    """What can be odd."""

    STUCK = "stuck"
    JUMP = "jump"
    RANGE = "range"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class AnomalyWords:
    """A sentence before its numbers are said: English with `{names}`, to be translated where shown.

    By name `values` are in the series' unit, `times` instants, `spans` seconds, `counts` numbers;
    `more` goes on from it.
    """

    message: str
    values: Mapping[str, float] = field(default_factory=dict)
    times: Mapping[str, datetime] = field(default_factory=dict)
    spans: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    more: AnomalyWords | None = None

    def said(
        self,
        show: Callable[[float], str],
        clock: Clock,
        *,
        span: Callable[[float], str] = said.span,
        translate: Callable[[str], str] = str,
    ) -> str:
        """The sentence: `show` gives a value with its unit, `span` a number of seconds."""
        told: dict[str, object] = {name: show(value) for name, value in self.values.items()}
        told |= {name: clock.at(at) for name, at in self.times.items()}
        told |= {name: span(seconds) for name, seconds in self.spans.items()}
        text = translate(self.message).format_map(told | dict(self.counts))
        if self.more is None:
            return text
        return text + self.more.said(show, clock, span=span, translate=translate)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something odd from `since` on, at its oddest at `at` (`value`); `until` None: it goes on.

    `text` says it in numbers, `short` in the few words that a tile has room for, in English; `told`
    and `told_short` are what they are made of, by the clock of `zone`.
    """

    kind: AnomalyKind
    since: datetime
    until: datetime | None
    at: datetime
    value: float | None
    text: str
    short: str = ""
    told: AnomalyWords | None = None
    told_short: AnomalyWords | None = None
    zone: tzinfo | None = None


_RANGE = N_("{value} at {at}; usually {low} to {high} at this hour")
_RANGE_SHORT = N_("Usual {low} to {high}")
_JUMP = N_(
    "from {before} to {value} within {within} at {at}; usually it changes by less than {jump} "
    "between two readings"
)
_JUMP_SHORT = N_("Jumped to {value} at {at}")
_STUCK = N_("exactly {value} since {since} ({same} readings); ")
_STUCK_NEVER = N_("before, never the same for longer than {longest}")
_STUCK_VARIED = N_("before, no two readings were the same")
_STUCK_SHORT = N_("{value} since {since}")
_SILENT = N_("no reading since {since}, expected {expected}")
_SILENT_HEARD = N_(", though the device was heard at {seen}")
_SILENT_SHORT = N_("No reading since {since}")


def detect(
    profile: SeriesProfile,
    readings: Sequence[Measurement],
    now: datetime,
    *,
    show: Callable[[float], str],
    seen_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> list[Anomaly]:
    """What is odd about a series' last readings (in order), the newest first.

    `show` gives a value with its unit; `seen_at` is when the device was last heard.
    """
    clock = Clock(now, zone)
    anomalies = [
        *_out_of_range(profile, readings),
        *_jumps(profile, readings),
        *_stuck(profile, readings),
        *_silent(profile, readings, clock, seen_at),
    ]
    spoken = [_in_english(one, clock, show) for one in anomalies]
    return sorted(spoken, key=lambda anomaly: anomaly.at, reverse=True)


def _in_english(anomaly: Anomaly, clock: Clock, show: Callable[[float], str]) -> Anomaly:
    text = anomaly.told.said(show, clock) if anomaly.told else ""
    short = anomaly.told_short.said(show, clock) if anomaly.told_short else ""
    return replace(anomaly, text=text, short=short, zone=clock.zone)


def _out_of_range(profile: SeriesProfile, readings: Sequence[Measurement]) -> list[Anomaly]:
    anomalies = []
    run: list[tuple[float, Measurement]] = []  # how far out, the reading
    for sample in [*readings, None]:
        beyond = 0.0 if sample is None else _beyond(profile, sample)
        if sample is not None and beyond:
            run.append((beyond, sample))
            continue
        if len(run) >= _RANGE_READINGS:
            anomalies.append(_range_anomaly(profile, run, over=sample is not None))
        run = []
    return anomalies


def _beyond(profile: SeriesProfile, sample: Measurement) -> float:
    """By how much a reading is out of what is allowed at its hour."""
    at, value = sample
    allowed = profile.allowed[profile.hour(at)]
    if allowed is None:
        return 0.0
    return max(allowed[0] - value, value - allowed[1], 0.0)


def _range_anomaly(
    profile: SeriesProfile,
    run: Sequence[tuple[float, Measurement]],
    *,
    over: bool,
) -> Anomaly:
    _, (at, value) = max(run)
    usual = profile.hours[profile.hour(at)] or (value, value)
    values = {"value": value, "low": usual[0], "high": usual[1]}
    told = AnomalyWords(_RANGE, values, {"at": _time(at)}), AnomalyWords(_RANGE_SHORT, values)
    until = _time(run[-1][1][0]) if over else None
    begun = _time(run[0][1][0])
    return Anomaly(AnomalyKind.RANGE, begun, until, _time(at), value, "", "", *told)


def _jumps(profile: SeriesProfile, readings: Sequence[Measurement]) -> list[Anomaly]:
    if profile.jump is None:
        return []
    anomalies: list[Anomaly] = []
    for (before_at, before), (at, value) in pairwise(readings):
        # After a gap a change is no jump.
        gap = profile.interval is not None and at - before_at > 2.5 * profile.interval
        if gap or abs(value - before) <= profile.jump:
            continue
        values, times = {"before": before, "value": value, "jump": profile.jump}, {"at": _time(at)}
        long = AnomalyWords(_JUMP, values, times, {"within": at - before_at})
        told = long, AnomalyWords(_JUMP_SHORT, values, times)
        when = _time(before_at), _time(at), _time(at)
        anomalies.append(Anomaly(AnomalyKind.JUMP, *when, value, "", "", *told))
    return anomalies[-5:]


def _stuck(profile: SeriesProfile, readings: Sequence[Measurement]) -> list[Anomaly]:
    if profile.stuck is None or not readings:
        return []
    last_at, value = readings[-1]
    same = 0
    for _, earlier in reversed(readings):
        if earlier != value:
            break
        same += 1
    since = readings[-same][0]
    if last_at - since < profile.stuck or same < STUCK_READINGS:
        return []
    values, times = {"value": value}, {"since": _time(since)}
    before = AnomalyWords(_STUCK_VARIED)
    if profile.longest:
        before = AnomalyWords(_STUCK_NEVER, spans={"longest": profile.longest})
    long = AnomalyWords(_STUCK, values, times, counts={"same": same}, more=before)
    told = long, AnomalyWords(_STUCK_SHORT, values, times)
    begun, last = _time(since), _time(last_at)
    return [Anomaly(AnomalyKind.STUCK, begun, None, last, value, "", "", *told)]


def _silent(
    profile: SeriesProfile, readings: Sequence[Measurement], clock: Clock, seen_at: datetime | None
) -> list[Anomaly]:
    if profile.interval is None or not readings:
        return []
    last_at, value = readings[-1]
    silence = clock.now.timestamp() - last_at
    if silence < max(_MISSED * profile.interval, _SILENT_LEAST_S):
        return []
    expected = _time(last_at + profile.interval)
    times, heard = {"since": _time(last_at), "expected": expected}, None
    if seen_at is not None and seen_at.timestamp() - last_at > 2 * profile.interval:
        heard = AnomalyWords(_SILENT_HEARD, times={"seen": seen_at})
    long = AnomalyWords(_SILENT, times=times, more=heard)
    told = long, AnomalyWords(_SILENT_SHORT, times=times)
    begun = _time(last_at)
    return [Anomaly(AnomalyKind.SILENT, begun, None, expected, value, "", "", *told)]


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
