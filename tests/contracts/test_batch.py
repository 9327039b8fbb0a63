"""`$batch` with rows, and the brief reports in it: as HAP's types and docs/topics.md have them."""

from __future__ import annotations

import json
import re

import pytest

from contracts.homekit.definitions import CHARACTERISTICS, SERVICES
from contracts.messages import Batch, BriefReport, Problem, Report, parse
from contracts.reading import SeriesKey
from host.firmware import SOURCE

TEMPERATURE = SeriesKey("dev", "TemperatureSensor", 0, "CurrentTemperature")
HUMIDITY = SeriesKey("dev", "HumiditySensor", 1, "CurrentRelativeHumidity")


def read(**members):
    payload = {"boot": "9f3a61c2", "up": 86400, "rows": [], **members}
    return parse("HomeKit/dev/$batch", json.dumps(payload).encode())


def test_rows_name_their_series_once():
    got = read(
        series=["8A/11", "HumiditySensor/1/CurrentRelativeHumidity"],
        rows=[[41, 300, 20.125, 45], [43, 0, None, 46], [44, 0, 21]],
    )
    assert [(e.seq, e.age, e.series, e.raw) for e in got.entries] == [
        (41, 300, TEMPERATURE, 20.125),
        (42, 300, HUMIDITY, 45),
        (43, 0, HUMIDITY, 46),
        (44, 0, TEMPERATURE, 21),
    ]
    assert (got.after, got.last, got.lost, got.problems) == (40, 44, 0, ())


@pytest.mark.parametrize(
    ("short", "service", "characteristic"),
    [
        # HAP specification, chapters 8 and 9.
        ("8A/11", "TemperatureSensor", "CurrentTemperature"),
        ("82/10", "HumiditySensor", "CurrentRelativeHumidity"),
        ("96/68", "BatteryService", "BatteryLevel"),
        ("96/79", "BatteryService", "StatusLowBattery"),
        ("84/6B", "LightSensor", "CurrentAmbientLightLevel"),
        ("97/93", "CarbonDioxideSensor", "CarbonDioxideLevel"),
        ("8D/C6", "AirQualitySensor", "PM2.5Density"),
        ("80/6A", "ContactSensor", "ContactSensorState"),
        ("85/22", "MotionSensor", "MotionDetected"),
        ("49/25", "Switch", "On"),
        # Eve's, as its app reads them.
        ("E863F00A/E863F10F", "AirPressureSensor", "AirPressure"),
    ],
)
def test_short_types_are_homekits(short, service, characteristic):
    got = read(series=[short], rows=[[1, 0, 1]])
    assert got.entries[0].series == SeriesKey("dev", service, 0, characteristic)


def test_what_two_have_in_common_is_short_for_neither():
    """HAP has one type for a loudspeaker and a television's."""
    assert SERVICES["Speaker"].uuid == SERVICES["TelevisionSpeaker"].uuid
    assert read(series=["113/11A"], rows=[[1, 0, 1]]).entries[0].series.service == "113"


def test_the_firmwares_types_are_those():
    """Every name that a driver has is short in its table, and means the same here."""
    source = (SOURCE / "dormouse/rows.py").read_text()
    table = "".join(re.findall(r'"(\|[^"]*)"', source[source.index("_TYPES") :]))
    types = dict(pair.split(" ") for pair in table.strip("|").split("|"))
    for name, short in types.items():
        known = SERVICES.get(name) or CHARACTERISTICS[name]
        assert known.uuid.partition("-")[0].lstrip("0") == short
    said = set()
    for path in (SOURCE / "dormouse").rglob("*.py"):
        for service, characteristic in re.findall(
            r'Series\(\s*"([\w.]+)", "([\w.]+)"', path.read_text()
        ):
            said |= {service, characteristic}
    assert len(said) > 15
    assert said <= types.keys()


@pytest.mark.parametrize(
    ("row", "last"),
    [
        (None, 1), ([], 1), ([2], 1), (["2", 0, 5], 1), ([0, 0, 5], 1), ([True, 0, 5], 1),
        ([2, -1, 5], 2), ([2, "0", 5, 6], 3), ([2, 0, [5]], 2), ([2, 0, {}, 5], 3),
        ([2, 0, "x" * 2000, 5], 3), ([2, 0, 1, 2, 3], 4), ([2**31 - 1, 0, 1, 2], 1),
    ],
)  # fmt: skip
def test_a_bad_row_costs_what_is_bad_of_it(row, last):
    """What it numbers is accounted for all the same: sent again it would be as bad."""
    got = read(series=["8A/11", "82/1/10"], rows=[[1, 0, 20], row])
    assert isinstance(got, Batch)
    assert got.problems
    assert {problem.device for problem in got.problems} == {"dev"}
    assert got.entries[0].seq == 1
    assert (got.after, got.last) == (0, last)
    assert all(entry.seq <= last for entry in got.entries)


def test_a_bad_column_costs_only_itself():
    got = read(series=["8A/11", 7, "A/B/C/D", "82/1/10"], rows=[[1, 0, 20, 1, 2, 45]])
    assert [(entry.seq, entry.series) for entry in got.entries] == [(1, TEMPERATURE), (4, HUMIDITY)]
    assert len(got.problems) == 2
    assert got.last == 4


@pytest.mark.parametrize(
    "members",
    [
        {"rows": {}}, {"rows": None}, {"series": "8A/11"}, {"rows": [[1, 0] + [1] * 2000]},
        {"rows": [[n + 1, 0, 1] for n in range(600)]}, {"after": -1}, {"boot": "no"},
        # None of them is a reading, and each would be refused by itself.
        {"rows": [1] * 600}, {"rows": [[]] * 600}, {"rows": [[n + 1, 0] for n in range(600)]},
        # 513 readings in two rows, of no more series than may be.
        {"series": ["8A/11"] * 300, "rows": [[1, 0] + [1] * 300, [301, 0] + [1] * 213]},
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_whole(members):
    got = read(**members)
    assert isinstance(got, Problem)
    assert got.kind == "batch"


def test_a_message_speaks_for_what_it_says_it_does():
    assert (read(after=30, series=["8A/11"], rows=[[41, 0, 1]]).after) == 30
    empty = read()
    assert (empty.after, empty.last, empty.entries) == (0, 0, ())


def test_values_for_now_alone():
    got = read(now={"96/79": 1, "AirQualitySensor/AirQuality": 2, "8A": 1, "96/1/79": [1]})
    assert got.states == (
        (SeriesKey("dev", "BatteryService", 0, "StatusLowBattery"), 1),
        (SeriesKey("dev", "AirQualitySensor", 0, "AirQuality"), 2),
    )
    assert [problem.kind for problem in got.problems] == ["arity", "entry"]
    assert read(now=[1]).problems


# --- brief reports --------------------------------------------------------------------------------


def report(**members):
    sent = {
        "firmware": "0.1.0", "board": "nodemcu", "model": "sensor", "reset": "power",
        "boot": "9f3a61c2", "up": 300, "seq": 3, "awake_ms": 900, "battery_mv": 2980,
        "rssi": -61, "heap_free": 18432, "next_wake_s": 300, "config": 2,
        "problems": ["ds18b20: none"],
    }  # fmt: skip
    return parse("HomeKit/dev/$report", json.dumps(sent | members).encode())


def test_a_brief_report_is_completed_by_the_last_whole_one():
    got = read(up=600, series=["8A/11"], rows=[[4, 0, 1]], report=[300, 412, -70, 18000, 2970])
    assert got.brief == BriefReport(300, 412, -70, 18000, 2970)
    said = report().completed(got)
    assert said.raw == {
        "firmware": "0.1.0", "board": "nodemcu", "model": "sensor", "reset": "deepsleep",
        "boot": "9f3a61c2", "up": 600, "since": 300, "seq": 4, "awake_ms": 412,
        "battery_mv": 2970, "rssi": -70, "heap_free": 18000, "next_wake_s": 300, "config": 2,
        "problems": ["ds18b20: none"],
    }  # fmt: skip
    assert said.device == "dev"
    # And what was completed completes the next, of the same whole one.
    later = said.completed(read(up=900, report=[300, 500, None, 17000]))
    assert (later.up, later.since, later.seq, later.rssi) == (900, 300, 4, None)
    assert later.battery_mv is None


def test_where_it_was_set_up_to_be_is_said_by_the_whole_one_alone():
    said = report(place="House / Attic", name="x").completed(
        read(up=600, report=[300, 412, -70, 1])
    )
    assert "place" not in said.raw
    assert said.raw["name"] == "x"


def test_a_device_that_stays_awake_was_started_as_it_was():
    said = report(next_wake_s=None).completed(read(report=[300, 412, -70, 18000]))
    assert (said.reset, said.next_wake_s) == ("power", None)


@pytest.mark.parametrize(
    ("members", "brief"),
    [
        ({"boot": "00000000"}, [300, 1, 1, 1]),
        ({}, [600, 1, 1, 1]),
        ({"up": None}, [300, 1, 1, 1]),
        ({"since": 0}, [300, 1, 1, 1]),
        ({}, [300, -5, 1, 1]),
        ({}, [300, 1, 5000, 1]),
        ({}, [300, 1, 1, 1, 2**40]),
    ],
)
def test_nothing_builds_on_another_report_or_says_what_cannot_be(members, brief):
    assert report(**members).completed(read(report=brief)) is None
    assert report().completed(read()) is None


@pytest.mark.parametrize(
    "said", [{}, [], [True], ["300", 1], [300, 1.5], [300, 1, 1, 1, 1, 1], [-1, 1]]
)
def test_a_malformed_brief_report_leaves_the_readings_be(said):
    got = read(series=["8A/11"], rows=[[1, 0, 20]], report=said)
    assert isinstance(got, Batch)
    assert got.brief is None
    assert [problem.kind for problem in got.problems] == ["report"]
    assert len(got.entries) == 1
    assert isinstance(report(), Report)
