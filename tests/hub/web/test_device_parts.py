"""What a device's page is made of, without a browser."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey
from hub.calibration.span import CalibrationSpan
from hub.devices.glance import DeviceGlance, Glance, PlaceGlance
from hub.devices.history import DeviceAtInstant, PropertyChange
from hub.devices.overview import LastValue
from hub.live import LiveChange, LiveOnline, LiveReport, LiveValue, Missed
from hub.readings.reports import ReportDay
from hub.web.device.changed import change_lines, undoing
from hub.web.device.choices import MOST_SERIES, Choices, place_of
from hub.web.device.past import rows
from hub.web.device.reports import trend
from hub.web.device.spans import SPANS, ChartWindow, latest
from hub.web.home.changes import HomePatches
from hub.web.home.shared import Shared
from hub.web.home.view import battery, due, noticed, value_of, view

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
instants = st.integers(-(10**9), 4 * 10**9).map(lambda at: datetime.fromtimestamp(at, UTC))


def series(device: str, name: str = "CurrentTemperature", value=20.0) -> LastValue:
    return LastValue(SeriesKey(device, "TemperatureSensor", 0, name), value, NOW, value)


def of(device: str, place: int | None, *values: LastValue, **more) -> DeviceGlance:
    return DeviceGlance(device, None, place, NOW, None, values=list(values), **more)


HOUSE = [PlaceGlance(1, None, "House"), PlaceGlance(2, 1, "Cellar"), PlaceGlance(3, 1, "Attic")]


@given(instants, instants, st.integers(-3, 3))
def test_a_window_stays_within_this_world(since, until, steps):
    window = ChartWindow(min(since, until), max(since, until)).within(NOW).moved(steps, NOW)
    assert datetime(2015, 1, 1, tzinfo=UTC) <= window.since < window.until <= NOW


def test_spans_end_now_and_move_by_their_length():
    for name, length in SPANS.items():
        window = latest(name, NOW)
        assert (window.until, window.length) == (NOW, length)
        assert window.current(NOW)
        earlier = window.moved(-1, NOW)
        assert (earlier.until, earlier.length) == (window.since, length)
        assert not earlier.current(NOW)
        assert earlier.moved(1, NOW) == window
        assert window.moved(1, NOW) == window
    assert latest("nonsense", NOW) == latest("day", NOW)


def test_a_place_is_chosen_as_what_is_in_it_and_below():
    found = Glance(
        HOUSE,
        [
            of("a", 2, series("a")),
            of("b", 3, series("b"), series("b", "AirPressure", 1000.0)),
            of("c", None, series("c")),
        ],
    )
    choices = Choices.of(found, {}, "a")
    house = next(c for c, label in choices.labels.items() if label == "All in House, Temperature")
    temperature = "TemperatureSensor/0/CurrentTemperature"
    assert (house, place_of(house)) == ("in/1/CurrentTemperature", (1, "CurrentTemperature"))
    assert choices.offered([house, house]) == [house]
    assert choices.title(series("b").series, house) == "House: b, Temperature"
    # One device in the cellar is no comparison, and pressure is nothing that this device measures.
    assert not any("Cellar, " in label for c, label in choices.labels.items() if c[:3] == "in/")
    assert next(iter(choices.labels)) == f"a/{temperature}"
    assert choices.labels[f"a/{temperature}"] == "Cellar: a, Temperature"
    assert choices.labels[f"c/{temperature}"] == "c, Temperature"


def test_a_place_where_a_device_was_is_offered_too():
    found = Glance(HOUSE, [of("a", 2, series("a")), of("b", None, series("b"))])
    measured = [(3, series("a").series), (2, series("a").series)]
    labels = Choices.of(found, {}, "a", measured).labels
    places = [label for choice, label in labels.items() if choice.startswith("in/")]
    within = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
    assert places == [f"All in House{within}Attic, Temperature", "All in House, Temperature"]


def test_what_is_asked_for_is_shown_as_far_as_it_is_there():
    devices = [of(f"d{n}", 1, series(f"d{n}")) for n in range(12)]
    choices = Choices.of(Glance(HOUSE, devices), {}, "d0")
    temperature = "TemperatureSensor/0/CurrentTemperature"
    assert choices.first("d0", []) == [f"d0/{temperature}"]
    assert choices.first("d0", ["gone/x/0/y", "../../etc", ""]) == [f"d0/{temperature}"]
    assert choices.first("d0", [f"d3/{temperature}"] * 5) == [f"d3/{temperature}"]
    assert len(choices.first("d0", list(choices.labels))) == MOST_SERIES


def test_the_past_is_told_in_words_also_where_there_is_none():
    assert rows(None, ZoneInfo("UTC")) == [("Known", "not yet")]
    known = DeviceAtInstant(
        "a", NOW, "Shelf", 2, ["House", "Cellar"], 300, None, "1.0.0", [], {}, None
    )
    told = dict(rows(known, ZoneInfo("UTC")))
    assert told["Interval"] == "every 5 min"


SCALE = {"service": "TemperatureSensor", "index": 0, "characteristic": "CurrentTemperature"}


def lines(*changes: tuple[str, object, object]) -> list[tuple[str, bool]]:
    made = [PropertyChange(NOW, name, a, b, "ann", "") for name, a, b in changes]
    return [(one.text, one.undoable) for one in change_lines(made, {1: "Attic", 2: "Kitchen"})]


def test_a_change_is_a_sentence_and_only_the_newest_of_its_kind_is_undone():
    scaled = [{**SCALE, "since": None, "until": None, "gain": 1.0, "offset": -0.4}]
    assert lines(
        ("calibration", [], scaled), ("place", 1, 2), ("place", None, 1), ("place", 9, None),
        ("interval_s", 300, 900), ("firmware", "1.3.0", "1.4.0"), ("id", "a", "b"),
        ("name", None, "Shelf"), ("attributes", {"room": "x"}, {"cells": 2}),
    ) == [
        ("Calibrated: temperature \N{MINUS SIGN}0.4 °C", True),
        ("Moved from Attic to Kitchen", True),
        ("Put into Attic", False),
        ("Taken out of a place that is gone", False),
        ("Measures every 15 min, before every 5 min", False),
        ("Updated from 1.3.0 to 1.4.0", False),
        ("Replaced: b in place of a", False),
        ("Named Shelf", False),
        ("Noted: cells 2, room taken away", False),
    ]  # fmt: skip


def test_undoing_a_calibration_sets_what_held_before_where_it_differs_and_nowhere_else():
    day = timedelta(days=1)
    before = [CalibrationSpan(None, NOW, 1.0, 1.0)]
    after = [CalibrationSpan(None, NOW - day, 1.0, 1.0), CalibrationSpan(NOW - day, None, 2.0, 0.0)]
    assert undoing(before, after) == [
        CalibrationSpan(NOW - day, NOW, 1.0, 1.0),
        CalibrationSpan(NOW, None, 1.0, 0.0),
    ]
    assert undoing(before, before) == []
    assert undoing([], before) == [CalibrationSpan(None, NOW, 1.0, 0.0)]


def test_trends_have_a_scale_each_and_counts_begin_at_zero():
    days = [
        ReportDay(date(2026, 11, n), 288, 2900 - n, 2910, -60.5, 400.0, 900, 18000, 0, n == 3)
        for n in range(1, 10)
    ]
    made = trend(days, NOW)
    names = [axis["name"] for axis in made["yAxis"]]
    assert names == [
        "Battery (V)", "WiFi signal (dBm)", "Time awake (ms)", "Free memory (KB)", "Reports a day"
    ]  # fmt: skip
    assert {axis["gridIndex"] for axis in made["yAxis"]} == set(range(5))
    bars = [s for s in made["series"] if s["type"] == "bar"]
    assert [made["yAxis"][s["yAxisIndex"]]["scale"] for s in bars] == [False]


def test_a_device_is_late_by_its_own_word():
    assert due(NOW, {}) is None
    assert due(NOW, {"next_wake_s": None}) is None
    assert due(None, {"next_wake_s": 300}) is None
    assert due(NOW, {"next_wake_s": 300}) == NOW + timedelta(seconds=300 * 1.2 + 60)


def test_a_battery_is_told_in_what_is_known():
    assert battery({}, []) is None
    assert battery({"battery_mv": 2980}, []) == {"text": "2.98 V", "low": False}
    level = LastValue(SeriesKey("a", "BatteryService", 0, "BatteryLevel"), 80, NOW, 80)
    low = LastValue(SeriesKey("a", "BatteryService", 0, "StatusLowBattery"), 1, NOW, 1)
    assert battery({}, [level]) == {"text": "80 %", "low": False}
    assert battery({}, [low, level]) == {"text": "80 %", "low": True}
    assert battery({"battery_mv": 2400}, []) == {"text": "2.40 V", "low": True}
    # Where the device knows its own battery, volts say nothing of how full it is.
    assert battery({"battery_mv": 2400}, [level]) == {"text": "2.40 V", "low": False}


async def test_many_who_ask_share_an_answer():
    shared: Shared[int] = Shared(60)
    asked = 0

    async def find() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    assert await asyncio.gather(*(shared.get("a", find) for _ in range(5))) == [1] * 5
    assert await shared.get("b", find) == 2
    assert await Shared(0).get("a", find) == 3


def sections(glance: Glance) -> list[tuple[str, list[str], list[str]]]:
    shown = view(glance, {"c": "Named"}, [], NOW)
    return [
        (one["name"], one["path"], [f"{d['name']}: {d['where']}" for d in one["devices"]])
        for one in shown["sections"]
    ]


def test_few_devices_stand_under_the_places_at_the_top_with_where_they_are():
    found = Glance(HOUSE, [of("a", 2, series("a")), of("b", 99, series("b")), of("c", None)])
    assert sections(found) == [
        ("House", [], ["a: Cellar"]),
        ("New, no place yet", [], ["b: ", "Named: "]),
    ]
    assert view(found, {}, [], NOW)["cards"]


def test_of_many_a_place_with_fewer_than_three_is_merged_into_the_one_it_is_in():
    cellar = [of(f"cellar{n}", 2) for n in range(6)]
    attic = [of(f"attic{n}", 3) for n in range(2)]
    found = Glance(HOUSE, [*cellar, *attic])
    assert not view(found, {}, [], NOW)["cards"]
    assert sections(found) == [
        ("House", [], ["attic0: Attic", "attic1: Attic"]),
        ("Cellar", ["House"], [f"cellar{n}: " for n in range(6)]),
    ]
    # What is merged is merged once more where it is still too little: a room of a flat of a house.
    deep = [PlaceGlance(1, None, "House"), PlaceGlance(2, 1, "Flat"), PlaceGlance(3, 2, "Bath")]
    found = Glance(deep, [of("x", 3), *(of(f"h{n}", 1) for n in range(8))])
    within = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
    assert f"x: Flat{within}Bath" in sections(found)[0][2]


def test_only_what_is_noticed_counts_as_open():
    contact = SeriesKey("a", "ContactSensor", 0, "ContactSensorState")
    assert noticed(contact, 1)
    assert not noticed(contact, 0)
    assert not noticed(SeriesKey("a", "Switch", 0, "On"), 1)
    assert value_of(1, quantity(contact)) == {"text": "open", "number": None}
    assert value_of(21.26, quantity(series("a").series)) == {"text": "21.3 °C", "number": 21.26}


def drawn(*values: LastValue) -> HomePatches:
    changes = HomePatches()
    changes.drawn(Glance(HOUSE, [of("a", 2, *values, report={"next_wake_s": 60})]))
    return changes


def test_what_is_heard_is_patched_calibrated_and_only_the_newest():
    changes = drawn(series("a", value=39.0))
    key = series("a").series
    assert changes.patch(NOW) is None
    later = NOW + timedelta(seconds=5)
    changes.take(LiveValue(key, 41.0, later, 20.0))
    changes.take(LiveValue(key, 99.0, NOW - timedelta(hours=1), 99.0))  # late
    patch = changes.patch(later)
    (device,) = patch["devices"]
    assert [v["text"] for v in device["values"]] == ["41.0 °C"]
    assert device["due"] - device["seen"] == (60 * 1.2 + 60) * 1000
    assert changes.patch(later) is None


def test_what_a_clock_that_was_ahead_has_dated_is_forgotten_when_it_is_set():
    changes = drawn(series("a", value=39.0))
    key = series("a").series
    changes.take(LiveValue(key, 41.0, NOW + timedelta(days=3652), 41.0))
    changes.take(LiveChange("clock", ""))
    assert changes.stale
    # It has true times in the database by now.
    changes.reading()
    changes.drawn(changes.overlay(Glance(HOUSE, [of("a", 2, series("a", value=41.0))])))
    changes.take(LiveValue(key, 42.0, NOW + timedelta(seconds=5), 42.0))
    patch = changes.patch(NOW)
    assert patch is not None
    assert [v["text"] for v in patch["devices"][0]["values"]] == ["42.0 °C"]


def test_what_is_new_or_was_missed_makes_the_page_anew():
    for update in (
        LiveValue(SeriesKey("new", "Switch", 0, "On"), True, NOW, True),
        LiveReport("new", {}, NOW),
        LiveChange("place", "1"),
        Missed(3),
    ):
        changes = drawn(series("a"))
        changes.take(update)
        assert changes.stale, update
    changes = drawn(series("a"))
    changes.take(LiveOnline("a", False, NOW))
    assert changes.doubtful
    assert not changes.stale


def test_what_is_heard_while_the_page_is_read_anew_is_not_lost():
    changes = drawn(series("a"))
    key, later = series("a").series, NOW + timedelta(seconds=1)
    changes.take(LiveChange("place", "1"))
    changes.reading()
    read = Glance([], [of("a", None, series("a"), report={"next_wake_s": 60})])
    changes.take(LiveValue(key, 25.0, later, 25.0))
    changes.take(LiveReport("a", {"next_wake_s": 600}, later))
    changes.take(LiveChange("place", "2"))
    changes.drawn(changes.overlay(read))
    assert changes.stale
    patch = changes.patch(later)
    assert patch is not None
    (device,) = patch["devices"]
    assert [v["text"] for v in device["values"]] == ["25.0 °C"]
    changes.take(LiveValue(key, 26.0, later, 26.0))
    patch = changes.patch(later)
    assert patch is not None
    assert patch["devices"][0]["due"] - patch["devices"][0]["seen"] == (600 * 1.2 + 60) * 1000


def test_a_new_series_is_looked_for_until_it_is_stored_but_not_for_ever():
    changes = drawn(series("a"))
    fresh = SeriesKey("a", "Switch", 0, "On")
    changes.take(LiveValue(fresh, True, NOW, True))
    without = Glance(HOUSE, [of("a", 2, series("a"))])
    changes.reading()
    changes.drawn(without)
    assert changes.stale
    assert changes.expects
    changes.reading()
    changes.drawn(Glance(HOUSE, [of("a", 2, series("a"), LastValue(fresh, True, NOW, True))]))
    assert not changes.stale
    assert not changes.expects
    changes.take(LiveValue(SeriesKey("a", "Switch", 1, "On"), True, NOW, True))
    for _ in range(20):
        changes.reading()
        changes.drawn(without)
    assert not changes.expects


def test_a_page_that_could_not_be_read_is_still_to_be_made_anew():
    changes = drawn(series("a"))
    changes.reading()
    changes.unread()
    assert changes.stale


def test_a_value_heard_stays_over_an_older_one_read():
    changes = drawn(series("a"))
    key, later = series("a").series, NOW + timedelta(seconds=1)
    changes.take(LiveValue(key, 25.0, later, 24.0))
    read = changes.overlay(Glance([], [of("a", None, series("a"))]))
    assert read.devices[0].values[0].value == 25.0
    newer = LastValue(key, 30.0, later + timedelta(seconds=1), 30.0)
    read = changes.overlay(Glance([], [of("a", None, newer)]))
    assert read.devices[0].values[0].value == 30.0
