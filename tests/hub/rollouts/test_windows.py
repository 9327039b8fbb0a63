from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.rollouts.model import RolloutOptions, size_of
from hub.rollouts.windows import is_open, next_change, next_open


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def berlin(*windows: str) -> RolloutOptions:
    return RolloutOptions(windows=windows, timezone="Europe/Berlin")


def test_without_windows_it_is_always_open():
    assert is_open(RolloutOptions(), at("2026-03-29T01:30"))
    assert next_change(RolloutOptions(), at("2026-03-29T01:30")) is None


@pytest.mark.parametrize(
    ("windows", "now", "opened", "change"),
    [
        # Winter: an hour ahead of UTC.
        (["09:00-17:00"], "2026-01-10T07:59", False, "2026-01-10T08:00"),
        (["09:00-17:00"], "2026-01-10T08:00", True, "2026-01-10T16:00"),
        (["09:00-17:00"], "2026-01-10T16:00", False, "2026-01-11T08:00"),
        # Over midnight.
        (["22:00-06:00"], "2026-01-10T21:30", True, "2026-01-11T05:00"),
        (["22:00-24:00"], "2026-01-10T22:59", True, "2026-01-10T23:00"),
        # Two that touch are one.
        (["09:00-12:00", "12:00-13:00"], "2026-01-10T10:00", True, "2026-01-10T12:00"),
        # The clock jumps from 2 to 3: a window that begins in the gap opens after it.
        (["02:15-04:00"], "2026-03-29T00:59", False, "2026-03-29T01:00"),
        # One that lies in it does not open that day.
        (["02:15-02:45"], "2026-03-28T12:00", False, "2026-03-30T00:15"),
        # The night is an hour shorter, the window still ends at 6 on the wall.
        (["22:00-06:00"], "2026-03-28T21:30", True, "2026-03-29T04:00"),
        # The clock is set back from 3 to 2: 2:15 to 2:45 comes twice.
        (["02:15-02:45"], "2026-10-25T00:20", True, "2026-10-25T00:45"),
        (["02:15-02:45"], "2026-10-25T00:45", False, "2026-10-25T01:15"),
        # It was open to 3, and is until 3 comes again.
        (["01:00-03:00"], "2026-10-25T00:30", True, "2026-10-25T02:00"),
        # It closes at half past two, and opens again when it is two again.
        (["01:00-02:30"], "2026-10-25T00:40", False, "2026-10-25T01:00"),
    ],
)  # fmt: skip
def test_windows_are_of_the_clock_on_the_wall(windows, now, opened, change):
    options = berlin(*windows)
    assert is_open(options, at(now)) is opened
    assert next_change(options, at(now)) == at(change)


@given(
    days=st.integers(0, 364), minutes=st.integers(0, 1439),
    window=st.tuples(st.integers(0, 95), st.integers(0, 95)).filter(lambda w: w[0] != w[1]),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)  # fmt: skip
def test_nothing_changes_before_the_next_change(days, minutes, window, zone):
    text = "-".join(f"{n // 4:02}:{n % 4 * 15:02}" for n in window)
    options = RolloutOptions(windows=(text,), timezone=zone)
    now = at("2026-01-01T00:00") + timedelta(days=days, minutes=minutes)
    change = next_change(options, now)
    assert change is not None
    assert is_open(options, change) is not is_open(options, now)
    step = now
    while step < change:
        assert is_open(options, step) is is_open(options, now), step
        step += timedelta(minutes=5)
    opens = next_open(options, now)
    assert opens is not None
    assert is_open(options, opens)


@pytest.mark.parametrize(
    "wrong",
    [
        {"windows": ["25:00-06:00"]}, {"windows": ["6-7"]}, {"windows": ["06:00-06:00"]},
        {"windows": ["06:00-24:30"]}, {"timezone": "Mars/Base"}, {"timezone": "../etc/passwd"},
        {"wave": "0"}, {"wave": "110%"}, {"wave": "-1"}, {"wave": "0%"}, {"wave": "many"},
        {"halt_at": ""}, {"streams": 0}, {"attempts": 0}, {"canary": -1}, {"reports": 1.5},
        {"unknown": 1}, {"patience_s": float("nan")},
    ],
)  # fmt: skip
def test_options_that_make_no_sense(wrong):
    with pytest.raises(ValidationError):
        RolloutOptions.model_validate(wrong)


def test_sizes():
    assert [size_of(text, 30) for text in ("1", "7", "25%", "100%", "0.5%")] == [1, 7, 8, 30, 1]
