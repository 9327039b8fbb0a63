"""Charts do not lie: what their options say, over any data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.show import lasting
from hub.anomalies.profile import SeriesProfile
from hub.web.charts import (
    BinRanges,
    RawPoints,
    Trace,
    came,
    missing_ranges,
    options,
    usual_interval,
)
from hub.web.device.joined import StoredBins, joined
from hub.web.device.said import summary
from hub.web.device.spans import ChartWindow
from hub.web.device.usual import usual_hours
from tests.hub.web.chart_cases import (
    CELSIUS,
    GAP,
    HOUR,
    MINUTE,
    NOW,
    PERCENT,
    PRESSURE,
    SINCE,
    SWITCH,
    cases,
)

KINDS = [CELSIUS, PERCENT, PRESSURE, SWITCH]
values = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 3))
times = st.lists(st.integers(0, 24 * 60), unique=True, max_size=60).map(
    lambda minutes: [SINCE + m * MINUTE for m in sorted(minutes)]
)


@st.composite
def traces(draw):
    at = draw(times)
    kind = draw(st.sampled_from(KINDS))
    if kind is SWITCH:
        data = RawPoints(at, [draw(st.integers(0, 1)) for _ in at])
    elif draw(st.booleans()):
        data = RawPoints(at, [draw(values) for _ in at])
    else:
        at = sorted({t - (t - SINCE) % HOUR for t in at})
        low = [draw(values) for _ in at]
        width = [abs(draw(values)) for _ in at]
        mean = [a + b / 2 for a, b in zip(low, width, strict=True)]
        data = BinRanges(at, HOUR, mean, low, [a + b for a, b in zip(low, width, strict=True)])
    bars = isinstance(data, RawPoints) and kind is not SWITCH and draw(st.booleans())
    return Trace(draw(st.text(max_size=8)), kind, data, bars=bars)


@given(st.lists(traces(), max_size=6))
@settings(max_examples=150, deadline=None)
def test_every_chart_says_what_it_shows(drawn):
    made = options(drawn, SINCE, NOW, now=NOW)
    json.dumps(made, allow_nan=False)
    axes = made["yAxis"]
    for series in made["series"]:
        assert series.get("smooth", False) is False
        assert "sampling" not in series
        assert not series.get("connectNulls", False)
        axis = axes[series["yAxisIndex"]]
        assert axis["gridIndex"] == series["xAxisIndex"]
        if series["type"] == "bar":
            assert not axis["scale"]  # which is ECharts' word for leaving zero out
            assert "min" not in axis
    # A scale belongs to one unit, and a unit has one scale.
    of_axis: dict[int, set[str]] = {}
    for number, trace in enumerate(drawn):
        if trace.kind is SWITCH and not trace.bars:
            (lane,) = [s for s in made["series"] if s.get("datasetIndex") == number]
            assert (lane["type"], lane["name"]) == ("custom", trace.name)
            continue
        axis = next(s["yAxisIndex"] for s in made["series"] if s["datasetIndex"] == number)
        of_axis.setdefault(axis, set()).add(trace.kind.unit or trace.kind.label)
        assert (trace.kind.unit or trace.kind.label) in axes[axis]["name"]
    assert all(len(units) == 1 for units in of_axis.values())
    curves = [trace for trace in drawn if trace.kind is not SWITCH or trace.bars]
    assert len(of_axis) == len({trace.kind.unit or trace.kind.label for trace in curves})
    # Every pane has the same time, and one scale.
    assert all((axis["min"], axis["max"]) == (SINCE, NOW) for axis in made["xAxis"])
    assert [a.get("gridIndex", 0) for a in axes] == list(range(len(made["grid"])))


@given(st.lists(traces(), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_no_reading_is_left_out_and_none_is_made_up(drawn):
    made = options(drawn, SINCE, NOW, now=NOW)
    for trace, dataset in zip(drawn, made["dataset"], strict=True):
        columns = dataset["source"]
        given_values = trace.data.line if isinstance(trace.data, BinRanges) else trace.data.values
        shown = [(t, v) for t, v in zip(columns["t"], columns["v"], strict=True) if v is not None]
        assert set(zip(trace.data.at, given_values, strict=True)) <= set(shown)
        assert {v for _, v in shown} == set(given_values)
        assert columns["t"] == sorted(columns["t"])


def test_a_line_is_broken_where_readings_are_missing_and_the_time_is_marked():
    made = cases()["gap"]
    columns = made["dataset"][0]["source"]
    assert [t for t, v in zip(columns["t"], columns["v"], strict=True) if v is None] == [GAP[0]]
    (area,) = made["series"][0]["markArea"]["data"]
    assert (area[0]["xAxis"], area[1]["xAxis"]) == GAP
    assert area[0]["name"] == "no readings, 5 h"


def test_one_gap_of_one_device_is_marked_once():
    made = cases()["two-units"]
    areas = [a for s in made["series"] for a in s.get("markArea", {"data": []})["data"]]
    assert len(areas) == 1


def test_what_is_not_over_is_not_missing():
    trace = Trace("x", CELSIUS, RawPoints([SINCE], [1.0]), ((SINCE, NOW + HOUR),))
    (area,) = options([trace], SINCE, NOW + HOUR, now=NOW)["series"][0]["markArea"]["data"]
    assert area[1]["xAxis"] == NOW


def test_a_state_is_a_lane_filled_while_it_is_the_noticeable_one():
    made = cases()["steps"]
    (lane,) = made["series"]
    assert [(one["value"], one["name"]) for one in lane["data"]] == [
        ([SINCE + HOUR, SINCE + 2 * HOUR, 1.0], "on"),
        # The last state is drawn as far as it is known to have held.
        ([SINCE + 20 * HOUR, SINCE + 22 * HOUR, 1.0], "on"),
    ]


def test_a_bin_of_a_state_is_filled_by_its_share_of_the_time():
    at = [SINCE, SINCE + HOUR, SINCE + 2 * HOUR]
    data = BinRanges(at, HOUR, [1, 0, 0], [0, 0, 0], [1, 0, 1], "last", (), [0.25, 0.0, 1.0])
    (lane,) = options([Trace("x", SWITCH, data)], SINCE, NOW, now=NOW)["series"]
    assert [one["value"] for one in lane["data"]] == [
        [SINCE, SINCE + HOUR, 0.25],
        [SINCE + 2 * HOUR, SINCE + 3 * HOUR, 1.0],
    ]


def test_reports_are_green_amber_or_red_by_how_much_of_them_came():
    gap = (SINCE + 6 * HOUR + 15 * MINUTE, SINCE + 7 * HOUR)
    lane = came([gap], SINCE, NOW, SINCE + 2 * HOUR)
    kinds = [one.kind for one in lane.pieces]
    # Half an hour a piece; before the first reading there is none.
    assert kinds == ["ok"] * 8 + ["partly", "missing"] + ["ok"] * 34
    assert lane.end == f"{100 * (1 - 45 / (22 * 60)):.1f} %"
    assert came([], SINCE, NOW, None) is None


def test_hours_are_joined_by_the_clock_of_the_place_and_means_by_their_seconds():
    zone = ZoneInfo("Asia/Kathmandu")
    begin = datetime(2026, 3, 1, 22, tzinfo=zone)
    at = [round((begin + n * timedelta(hours=1)).timestamp() * 1000) for n in range(6)]
    ends = [t + HOUR for t in at]
    seconds = [3600.0, 1800.0, 3600.0, 3600.0, 3600.0, 0.0]
    line = [10.0, 40.0, 1.0, 2.0, 3.0, 99.0]
    made = joined(StoredBins(at, ends, line, line, line, seconds, ()), 3, zone)
    # 22 and 23, then 0 to 2, then 3: none goes over midnight.
    assert list(made.at) == [at[0], at[2], at[5]]
    assert list(made.ends) == [ends[1], ends[4], ends[5]]
    assert list(made.line) == [20.0, 2.0, 99.0]
    assert (list(made.low), list(made.high)) == ([10.0, 1.0, 99.0], [40.0, 3.0, 99.0])


def test_a_rollup_shows_its_range():
    made = cases()["rollup"]
    columns = made["dataset"][0]["source"]
    first = [columns[name][0] for name in ("v", "low", "span")]
    assert first == [-5, -7, 7]
    stacked = [s for s in made["series"] if "stack" in s]
    assert [s["encode"]["y"] for s in stacked] == ["low", "span"]
    # Where hours are missing each column is broken.
    after = columns["t"].index(SINCE + 4 * HOUR)
    assert [columns[name][after + 1] for name in ("v", "low", "span")] == [None] * 3


def test_noise_does_not_fill_the_axis():
    trace = Trace("x", CELSIUS, RawPoints([SINCE, SINCE + HOUR], [20.0, 20.1]))
    axis = options([trace], SINCE, NOW, now=NOW)["yAxis"][0]
    assert axis["max"] - axis["min"] >= 2
    assert axis["min"] <= 20.0
    assert axis["max"] >= 20.1


@given(values, st.floats(0, 4.9))
def test_the_least_span_keeps_every_value_inside(base, span):
    trace = Trace("x", PERCENT, RawPoints([SINCE, SINCE + HOUR], [base, base + span]))
    axis = options([trace], SINCE, NOW, now=NOW)["yAxis"][0]
    if "min" in axis:
        assert axis["min"] <= base <= base + span <= axis["max"]


def test_intervals_are_seen_only_where_there_are_any():
    regular = [SINCE + n * 5 * MINUTE for n in range(40) if n not in (7, 20, 21)]
    assert usual_interval(regular) == 5 * MINUTE
    assert usual_interval(regular[:7]) is None
    assert usual_interval([SINCE + n * n * MINUTE for n in range(40)]) is None
    missing = missing_ranges(regular, 5 * MINUTE, SINCE, SINCE + 40 * 5 * MINUTE)
    assert missing == [(SINCE + 19 * 5 * MINUTE, SINCE + 22 * 5 * MINUTE)]


def test_below_a_chart_stands_what_it_comes_to():
    warm = Trace("Shelf", CELSIUS, RawPoints([SINCE, SINCE + HOUR], [10.0, 13.0]))
    lamp = Trace("Lamp", SWITCH, RawPoints([SINCE, SINCE + HOUR], [1, 0]))
    said = summary([warm, lamp], "every reading", NOW).split(" \N{MIDDLE DOT} ")
    assert said[:3] == ["Lowest 10.0 °C", "Mean 11.5 °C", "Highest 13.0 °C"]
    assert said[3:] == ["Lamp on 1 h", "Shown: every reading"]
    assert summary([], "every reading", NOW) == ""


def test_how_long_is_told_in_two_units_at_most():
    told = [lasting(s) for s in (0, 45, 90, 3600, 5400, 86_400, 97_200, 777_600, 90_060)]
    assert told == [
        "0 s", "45 s", "1 min", "1 h", "1 h 30 min", "1 day", "1 day 3 h", "9 days", "1 day 1 h",
    ]  # fmt: skip


def test_what_is_usual_is_shaded_hour_by_hour_and_broken_where_it_is_not_known():
    known = [(20.0, 22.0)] * 24
    known[3] = None
    profile = SeriesProfile(tuple(known), (), 0.1, None, 0.0, None, None, 3600)
    since = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
    hours = usual_hours(profile, ChartWindow(since, since + timedelta(hours=4)))
    start = round(since.timestamp() * 1000)
    # 00:30 of UTC is 01:30 there; what is not known is 03:00 to 04:00 there.
    assert [(one.at - start, one.end - start) for one in hours] == [
        (0, 30 * MINUTE), (30 * MINUTE, 90 * MINUTE), (150 * MINUTE, 210 * MINUTE),
        (210 * MINUTE, 240 * MINUTE),
    ]  # fmt: skip
    points = RawPoints([start, start + HOUR], [21.0, 30.0])
    trace = Trace("Shed", CELSIUS, points, usual=hours)
    made = options([trace, Trace("Hall", CELSIUS, points)], start, start + 4 * HOUR, now=NOW)
    area = [one for one in made["series"] if one.get("usual")]
    assert [one["datasetIndex"] for one in area] == [2, 2]  # after those of the traces
    source = made["dataset"][2]["source"]
    assert source["span"] == [2.0, 2.0, 2.0, None, 2.0, 2.0, 2.0, None]
    assert source["t"][:3] == [start, start + 30 * MINUTE, start + 90 * MINUTE]
