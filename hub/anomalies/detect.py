"""What of a series' last day does not fit its profile. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from itertools import pairwise

from contracts.show import Clock, span
from hub.anomalies.profile import STUCK_READINGS, Measurement, SeriesProfile

__all__ = ["Anomaly", "AnomalyKind", "detect"]

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
class Anomaly:
    """Something odd from `since` on, at its oddest at `at` (`value`); `until` None: it goes on.

    `text` says it in numbers, `short` in the few words that a tile has room for.
    """

    kind: AnomalyKind
    since: datetime
    until: datetime | None
    at: datetime
    value: float | None
    text: str
    short: str = ""


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
        *_out_of_range(profile, readings, clock, show),
        *_jumps(profile, readings, clock, show),
        *_stuck(profile, readings, clock, show),
        *_silent(profile, readings, clock, seen_at),
    ]
    return sorted(anomalies, key=lambda anomaly: anomaly.at, reverse=True)


def _out_of_range(
    profile: SeriesProfile,
    readings: Sequence[Measurement],
    clock: Clock,
    show: Callable[[float], str],
) -> list[Anomaly]:
    anomalies = []
    run: list[tuple[float, Measurement]] = []  # how far out, the reading
    for sample in [*readings, None]:
        beyond = 0.0 if sample is None else _beyond(profile, sample)
        if sample is not None and beyond:
            run.append((beyond, sample))
            continue
        if len(run) >= _RANGE_READINGS:
            anomalies.append(_range_anomaly(profile, run, clock, show, over=sample is not None))
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
    clock: Clock,
    show: Callable[[float], str],
    *,
    over: bool,
) -> Anomaly:
    _, (at, value) = max(run)
    usual = profile.hours[profile.hour(at)] or (value, value)
    text = (
        f"{show(value)} at {clock.at(_time(at))}; "
        f"usually {show(usual[0])} to {show(usual[1])} at this hour"
    )
    until = _time(run[-1][1][0]) if over else None
    short = f"Usual {show(usual[0])} to {show(usual[1])}"
    return Anomaly(AnomalyKind.RANGE, _time(run[0][1][0]), until, _time(at), value, text, short)


def _jumps(
    profile: SeriesProfile,
    readings: Sequence[Measurement],
    clock: Clock,
    show: Callable[[float], str],
) -> list[Anomaly]:
    if profile.jump is None:
        return []
    anomalies: list[Anomaly] = []
    for (before_at, before), (at, value) in pairwise(readings):
        # After a gap a change is no jump.
        gap = profile.interval is not None and at - before_at > 2.5 * profile.interval
        if gap or abs(value - before) <= profile.jump:
            continue
        text = (
            f"from {show(before)} to {show(value)} within {span(at - before_at)} "
            f"at {clock.at(_time(at))}; usually it changes by less than "
            f"{show(profile.jump)} between two readings"
        )
        anomalies.append(
            Anomaly(
                AnomalyKind.JUMP,
                _time(before_at),
                _time(at),
                _time(at),
                value,
                text,
                f"Jumped to {show(value)} at {clock.at(_time(at))}",
            )
        )
    return anomalies[-5:]


def _stuck(
    profile: SeriesProfile,
    readings: Sequence[Measurement],
    clock: Clock,
    show: Callable[[float], str],
) -> list[Anomaly]:
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
    before = f"never the same for longer than {span(profile.longest)}"
    text = (
        f"exactly {show(value)} since {clock.at(_time(since))} ({same} readings); "
        f"before, {before if profile.longest else 'no two readings were the same'}"
    )
    short = f"{show(value)} since {clock.at(_time(since))}"
    return [Anomaly(AnomalyKind.STUCK, _time(since), None, _time(last_at), value, text, short)]


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
    text = f"no reading since {clock.at(_time(last_at))}, expected {clock.at(expected)}"
    if seen_at is not None and seen_at.timestamp() - last_at > 2 * profile.interval:
        text += f", though the device was heard at {clock.at(seen_at)}"
    short = f"No reading since {clock.at(_time(last_at))}"
    return [Anomaly(AnomalyKind.SILENT, _time(last_at), None, expected, value, text, short)]


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
