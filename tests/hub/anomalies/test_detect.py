"""Planted faults are found and said in numbers; ordinary series are left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.anomalies.detect import AnomalyKind, detect
from hub.anomalies.profile import learn, quantile
from tests.hub.anomalies.ordinary import (
    A_DAY,
    DAY,
    STEP,
    UNITS,
    hours,
    last_day,
    profile_of,
    series,
)

TODAY = 32
NOW = datetime.fromtimestamp(TODAY * DAY, UTC)


def found(kind: str, samples, readings=None, *, now=NOW, seen_at=None, day=TODAY):
    profile = profile_of(kind, samples, day)
    day_of = last_day(samples, day) if readings is None else readings
    show = f"{{:.1f}} {UNITS[kind]}".format
    return detect(profile, day_of, now, show=show, seen_at=seen_at, zone=UTC)


def test_ordinary_series_raise_less_than_one_alarm_in_a_hundred_days():
    alarms, days = [], 0
    for kind in UNITS:
        for seed in range(3):
            samples = series(kind, seed, 60)
            for day in range(32, 61, 3):
                days += 1
                now = datetime.fromtimestamp(day * DAY, UTC)
                alarms += [(kind, seed, f.text) for f in found(kind, samples, now=now, day=day)]
    assert len(alarms) <= days / 100, alarms


def test_a_night_that_is_too_warm_is_told_with_what_is_usual():
    samples = series("indoor", 1, TODAY)
    odd = [
        (at, value + 5 if 3 <= (at % DAY) / 3600 < 4 else value)
        for at, value in last_day(samples, TODAY)
    ]
    ranges = [f for f in found("indoor", samples, odd) if f.kind is AnomalyKind.RANGE]
    (finding,) = ranges
    assert finding.since.hour == 3
    assert finding.until is not None
    at_night = [v for at, v in odd if 3 <= (at % DAY) / 3600 < 4]
    assert finding.value == max(at_night)
    low, high = _usual(samples, 3)
    assert finding.text == (
        f"{max(at_night):.1f} °C at 1 Feb {finding.at:%H:%M}; "
        f"usually {low:.1f} °C to {high:.1f} °C at this hour"
    )


def _usual(samples, hour):
    past = [b for b in hours(samples[: (TODAY - 1) * A_DAY]) if b[0] >= (TODAY - 29) * DAY]
    near = [b for b in past if (b[0] % DAY) // 3600 in (hour - 1, hour, hour + 1)]
    return (
        quantile(sorted(b[1] for b in near), 0.02),
        quantile(sorted(b[2] for b in near), 0.98),
    )


def test_what_is_still_going_on_has_no_end():
    samples = series("indoor", 2, TODAY)
    odd = [(at, v + 6 if at > TODAY * DAY - 3600 else v) for at, v in last_day(samples, TODAY)]
    finding = next(f for f in found("indoor", samples, odd) if f.kind is AnomalyKind.RANGE)
    assert finding.until is None


def test_one_odd_reading_is_a_jump_there_and_back_and_no_range():
    samples = series("indoor", 3, TODAY)
    odd = last_day(samples, TODAY)
    at = odd[100][0]
    odd[100] = at, 85.0  # what a DS18B20 says when it was not asked properly
    findings = found("indoor", samples, odd)
    assert [f.kind for f in findings] == [AnomalyKind.JUMP, AnomalyKind.JUMP]
    assert findings[1].value == 85.0
    assert f"to 85.0 °C within {round(at - odd[99][0]) / 60:.0f} min" in findings[1].text


@pytest.mark.parametrize("kind", ["indoor", "outdoor", "humidity", "pressure"])
def test_a_value_that_does_not_move_is_stuck(kind):
    samples = series(kind, 4, TODAY)
    odd = last_day(samples, TODAY)
    value = odd[100][1]
    odd[100:] = [(at, value) for at, _ in odd[100:]]
    finding = next(f for f in found(kind, samples, odd) if f.kind is AnomalyKind.STUCK)
    assert finding.since.timestamp() <= odd[100][0]
    assert finding.until is None
    assert f"exactly {value:.1f} {UNITS[kind]} since" in finding.text
    assert f"({A_DAY - 100}" in finding.text or "readings)" in finding.text


def test_a_dark_night_is_not_stuck_and_a_day_without_light_is():
    samples = series("light", 5, TODAY)
    day = last_day(samples, TODAY)
    assert [f for f in found("light", samples, day) if f.kind is AnomalyKind.STUCK] == []
    dead = [(at, 0.0) for at, _ in series("light", 5, TODAY + 2)[(TODAY - 1) * A_DAY :]]
    later = NOW + timedelta(days=2)
    kinds = {f.kind for f in found("light", samples, dead, now=later)}
    assert AnomalyKind.STUCK in kinds


def test_a_series_that_stops_while_its_device_goes_on_is_silent():
    samples = series("humidity", 6, TODAY)
    odd = last_day(samples, TODAY)[:200]
    seen_at = NOW - timedelta(minutes=3)
    finding = next(f for f in found("humidity", samples, odd, seen_at=seen_at))
    assert finding.kind is AnomalyKind.SILENT
    last = datetime.fromtimestamp(odd[-1][0], UTC)
    expected = datetime.fromtimestamp(odd[-1][0] + STEP, UTC)
    assert abs((finding.at - expected).total_seconds()) < 10
    assert finding.text.startswith(f"no reading since {last:%-d %b %H:%M}, expected ")
    assert finding.text.endswith(f"though the device was heard at {_said(seen_at)}")


def _said(at: datetime) -> str:
    return f"{at:%-d %b %H:%M}" if at.date() != NOW.date() else f"{at:%H:%M}"


def test_two_missed_wakes_are_not_silence():
    samples = series("humidity", 6, TODAY)
    now = NOW + timedelta(seconds=2 * STEP)
    kinds = {f.kind for f in found("humidity", samples, now=now)}
    assert AnomalyKind.SILENT not in kinds


def test_a_new_series_is_not_judged():
    samples = series("indoor", 7, 3)
    profile = learn(hours(samples), samples[:50], unit="°C", offset=0)
    assert profile.jump is None
    assert profile.stuck is None
    assert set(profile.allowed) == {None}
    assert detect(profile, [(0.0, 500.0), (300.0, -500.0)], NOW, show=str) == []


finite = st.floats(-1e9, 1e9, allow_nan=False)
samples_of = st.lists(
    st.tuples(st.floats(0, TODAY * DAY, allow_nan=False), finite), max_size=300
).map(sorted)


@given(samples_of, samples_of, st.sampled_from(["°C", "%", "", "lx"]))
@settings(max_examples=100, deadline=None)
def test_whatever_was_measured_something_sensible_is_said(past, today, unit):
    profile = learn(hours(past), past, unit=unit, offset=3600)
    for finding in detect(profile, today, NOW, show="{:.1f}".format):
        assert finding.since <= finding.at or finding.kind is AnomalyKind.SILENT
        assert finding.value in {value for _, value in today}
        assert finding.text
