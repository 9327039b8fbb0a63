from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hub.explain.facts import Day, DeviceFacts
from hub.explain.trends import awake_grown, battery_fall, crashes, weak_signal

MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def day(n: int, **values: object) -> Day:
    nothing = Day(MONDAY + timedelta(n), 10, None, None, None, None, 0, None, 0, None)
    return replace(nothing, **values)


def volts(*millivolts: int) -> DeviceFacts:
    days = [day(n, battery_first=mv, battery_last=mv) for n, mv in enumerate(millivolts)]
    return DeviceFacts("d", days=days)


def test_a_battery_that_falls():
    fall = battery_fall(volts(3000, 2980, 2960, 2930, 2900))
    assert (fall.before, fall.after, fall.days, fall.unit) == (3000, 2900, 4, "mV")
    assert fall.since == MONDAY
    assert fall.days_left is None


def test_noise_and_recovery_are_no_fall():
    assert battery_fall(volts(3000, 2990, 3010, 2960, 2950)) is None
    assert battery_fall(volts(3000, 2900, 2990, 2950)) is None, "it came back"
    assert battery_fall(volts(3000)) is None
    assert battery_fall(DeviceFacts("d")) is None


def test_a_new_battery_begins_anew():
    assert battery_fall(volts(2600, 2500, 2400, 3100, 3090)) is None
    fall = battery_fall(volts(2600, 2400, 3100, 3060, 3000))
    assert (fall.before, fall.after) == (3100, 3000)


def test_within_one_day():
    facts = DeviceFacts("d", days=[day(0, battery_first=3000, battery_last=2700)])
    assert battery_fall(facts).days == 0


def test_a_level_in_percent_tells_when_it_is_empty():
    levels = [(MONDAY + timedelta(n), 60.0 - 4 * n) for n in range(6)]
    fall = battery_fall(DeviceFacts("d", levels=levels))
    assert (fall.before, fall.after, fall.unit) == (60, 40, "%")
    assert fall.days_left == 10


def test_wakes_that_got_longer():
    days = [day(n, awake_ms=400) for n in range(5)]
    assert awake_grown(days) is None
    assert awake_grown([*days, day(5, awake_ms=900.0)]) == (400, 900)
    assert awake_grown([*days, day(5, awake_ms=560)]) is None
    assert awake_grown([day(0, awake_ms=400), day(1, awake_ms=4000)]) is None, "too few to say"


def test_signal_and_crashes():
    assert weak_signal(DeviceFacts("d", report={"rssi": -81})) == -81
    assert weak_signal(DeviceFacts("d", report={"rssi": -80})) is None
    assert weak_signal(DeviceFacts("d", report={"rssi": None}, days=[day(0, rssi=-90.0)])) == -90
    assert weak_signal(DeviceFacts("d")) is None
    assert crashes([day(n, watchdogs=1) for n in range(10)]) == 7
