"""Charts do not lie: what their options say, over any data."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.web.charts import BinRanges, RawPoints, Trace, missing_ranges, options, usual_interval
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
        axis = next(s["yAxisIndex"] for s in made["series"] if s["datasetIndex"] == number)
        of_axis.setdefault(axis, set()).add(trace.kind.unit or trace.kind.label)
        assert (trace.kind.unit or trace.kind.label) in axes[axis]["name"] or axes[axis]["words"]
    assert all(len(units) == 1 for units in of_axis.values())
    assert len(of_axis) == len({trace.kind.unit or trace.kind.label for trace in drawn})
    # Every pane has the same time, and at most two scales.
    assert all((axis["min"], axis["max"]) == (SINCE, NOW) for axis in made["xAxis"])
    assert all(sum(a.get("gridIndex") == n for a in axes) <= 2 for n in range(len(made["grid"])))


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
    assert area[0]["name"] == "no data"


def test_one_gap_of_one_device_is_marked_once():
    made = cases()["two-units"]
    areas = [a for s in made["series"] for a in s.get("markArea", {"data": []})["data"]]
    assert len(areas) == 1


def test_what_is_not_over_is_not_missing():
    trace = Trace("x", CELSIUS, RawPoints([SINCE], [1.0]), ((SINCE, NOW + HOUR),))
    (area,) = options([trace], SINCE, NOW + HOUR, now=NOW)["series"][0]["markArea"]["data"]
    assert area[1]["xAxis"] == NOW


def test_states_are_steps_with_their_words():
    made = cases()["steps"]
    assert made["series"][0]["step"] == "end"
    assert made["yAxis"][0]["words"] == {"0": "off", "1": "on"}
    # The last state is drawn as far as it is known to have held.
    assert made["dataset"][0]["source"]["t"][-1] == SINCE + 22 * HOUR


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
