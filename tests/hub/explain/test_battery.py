"""When a battery will be empty: lines whose end is worked out here."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.show import Clock
from hub.explain.battery import forecast
from hub.explain.explanation import explain
from hub.explain.facts import Day, DeviceFacts
from hub.explain.sentence import Level
from tests.support import seeds

FIRST = date(2026, 1, 1)


def charges(*levels: float | None) -> DeviceFacts:
    """A level a day, None: a day without one."""
    days = [(FIRST + timedelta(n), v) for n, v in enumerate(levels) if v is not None]
    return DeviceFacts("d", charges=days)


def on(n: int) -> date:
    return FIRST + timedelta(n)


def test_a_straight_line_ends_where_it_ends():
    # 90 % and 2 % a day: 45 days.
    found = forecast(charges(*[90 - 2 * n for n in range(10)]))
    assert (found.empty_on, found.since, found.unit) == (on(45), FIRST, "%")
    assert found.per_day == pytest.approx(2)
    assert found.days_left(on(9)) == 36
    # Days that it did not report do not change the line.
    assert forecast(charges(90, None, None, 84, None, 80, None, 76)).empty_on == on(45)


def test_a_year_of_battery_is_seen_in_whole_percents():
    year = [100 - n / 3.65 for n in range(100)]
    found = forecast(charges(*[round(level) for level in year]))
    assert abs((found.empty_on - on(365)).days) <= 10


def test_noise_and_a_cold_night_bend_nothing():
    seed = seeds.seed(30)
    chance = random.Random(seed)
    levels = [round(80 - n + chance.uniform(-2, 2)) for n in range(40)]
    levels[20] = levels[21] = 15
    # A tenth of its life; of 8,000 seeds the worst was out by 4 days.
    assert abs((forecast(charges(*levels)).empty_on - on(80)).days) <= 8


@pytest.mark.parametrize("low", [[60], [15, 15, 15], [30, 20, 10, 0, 0]])
def test_what_recovers_is_no_new_battery(low):
    levels = [90 - n for n in range(30)]
    levels[12 : 12 + len(low)] = low
    assert forecast(charges(*levels)).since == FIRST


@pytest.mark.parametrize(
    ("levels", "since", "empty"),
    [
        ((12, 8, 4, 100, 98, 96, 94), 3, 53),
        # Cells that broke down at once, and others in their place.
        ((50, 48, 3, 100, 98, 96, 94), 3, 53),
        # 18 % a day: nothing was sudden.
        ((95, 77, 59, 41, 23, 5, 100, 80, 60, 40), 6, 11),
    ],
    ids=["worn out", "broken down", "fast"],
)
def test_a_new_battery_begins_anew(levels, since, empty):
    found = forecast(charges(*levels))
    assert (found.since, found.empty_on) == (on(since), on(empty))


@pytest.mark.parametrize(
    "levels",
    [(), (50,), (50, 49), (50, 50, 50, 50), (50, 51, 52, 53), (90, 91, 89, 90, 90, 89, 90)],
    ids=["none", "one", "a day", "level", "rising", "noise"],
)
def test_without_a_fall_nothing_is_said(levels):
    assert forecast(charges(*levels)) is None


def test_what_is_years_away_is_not_said():
    assert forecast(charges(*[100 - n * 0.04 for n in range(100)])) is None


def volts(*millivolts: int) -> DeviceFacts:
    nothing = (None, None, 0, None, 0, None)
    days = [Day(on(n), 10, mv, mv, *nothing) for n, mv in enumerate(millivolts)]
    return DeviceFacts("d", days=days, report_at=datetime(2026, 1, 6, 12, tzinfo=UTC))


def test_volts_alone_end_at_what_two_cells_call_empty():
    # 3.0 V and 20 mV a day: 30 days to 2.4 V.
    found = forecast(volts(3000, 2980, 2960, 2940, 2920, 2900))
    assert (found.empty_on, found.unit, found.per_day) == (on(30), "mV", pytest.approx(20))


@pytest.mark.parametrize(
    ("now", "text", "level"),
    [
        (on(5), "battery empty about 2026-01-31, in 25 days (20 mV a day since 2026-01-01)",
         Level.FINE),
        (on(20), "battery empty about 2026-01-31, in 10 days (20 mV a day since 2026-01-01)",
         Level.WARNING),
        (on(35),
         "battery empty about 2026-01-31, so it should be by now (20 mV a day since 2026-01-01)",
         Level.WARNING),
    ],
)  # fmt: skip
def test_it_is_said_among_the_facts(now, text, level):
    facts = volts(3000, 2980, 2960, 2940, 2920, 2900)
    clock = Clock(datetime(now.year, now.month, now.day, 12, tzinfo=UTC))
    explanation = explain(facts, clock)
    (said,) = [s for s in explanation.chain if s.kind == "forecast"]
    assert (said.text, said.level) == (text, level)
    assert explanation.battery.empty_on == on(30)
