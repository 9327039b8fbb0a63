"""What files of other programs say: their layouts as their documentation has them, times worked out
by hand."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.imports.model import (
    DateOrder,
    FileFormat,
    ImportOptions,
    RepeatedHour,
    StampUnit,
    UnreadableFileError,
)
from hub.imports.reader import FileReader
from hub.imports.recorder import is_sqlite, recorder_csv
from hub.imports.stamps import BadStampError, Stamps
from hub.imports.targets import MappingRefusedError, names_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
T, H = "d1/TemperatureSensor/CurrentTemperature", "d1/HumiditySensor/CurrentRelativeHumidity"


def read(text, *names, piece=7, zone="UTC", **options):
    """[(name, at, value)] and the report, of a file that comes in small pieces."""
    content = text if isinstance(text, bytes) else text.encode()
    options = ImportOptions(ZoneInfo(zone), names=names_of(names), **options)
    reader = FileReader(options, now=NOW, dry_run=True)
    rows = []
    for first in range(0, len(content), piece):
        rows += reader.feed(content[first : first + piece])
    rows += reader.finish()
    told = reader.report
    return [(told.names[row.name].name, row.at, row.value) for row in rows], told


def at(text):
    return datetime.fromisoformat(text)


# The history panel's download, with a column of a thermostat's: home-assistant/frontend,
# ha-panel-history.ts. Statistics come in the same columns.
HOME_ASSISTANT = """\
entity_id,state,last_changed,current_temperature
sensor.hall,68.9,2026-03-01T12:00:00.123Z,
sensor.hall,unavailable,2026-03-01T12:05:00.000Z,
binary_sensor.door,on,2026-03-01T12:06:00.000Z,
climate.bath,heat,2026-03-01T12:07:00.000Z,21.5
sensor.hall,warm,2026-03-01T12:08:00.000Z,
"""


def test_home_assistants_history():
    rows, told = read(
        HOME_ASSISTANT,
        f"sensor.hall={T}@°F",
        "binary_sensor.door=d2/ContactSensor/ContactSensorState",
        "climate.bath.current_temperature=d3/TemperatureSensor/CurrentTemperature",
    )
    assert rows == [
        ("sensor.hall", at("2026-03-01T12:00:00.123+00:00"), 20.5),  # (68.9 - 32) / 1.8
        ("binary_sensor.door", at("2026-03-01T12:06:00+00:00"), 1),  # open: contact not detected
        ("climate.bath.current_temperature", at("2026-03-01T12:07:00+00:00"), 21.5),
    ]
    hall, door, bath, measured = told.names
    assert (hall.rows, hall.empty, hall.refused, hall.unit) == (3, 1, 1, "°F")
    assert (door.series, bath.series) == ("d2/ContactSensor/ContactSensorState", None)
    assert measured.first == at("2026-03-01T12:07:00+00:00")
    assert [one.line for one in told.refused] == [6]
    assert "sensor.hall" in told.refused[0].reason
    assert "'warm'" in told.refused[0].reason
    assert (told.form, told.lines, told.refused_lines) == (FileFormat.CSV, 6, 1)


# docs.influxdata.com, annotated CSV: two tables with headers of their own, defaults, quotes.
ANNOTATED = """\
#group,false,false,true,true,false,false,true,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string,string
#default,_result,,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,domain,entity_id
,,0,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-01T00:52:00Z,59,value,°F,sensor,hall
,,0,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-01T00:53:00.000000001Z,,value,°F,sensor,hall

#group,false,false,false,false,true,true,true
#datatype,string,long,dateTime:RFC3339,double,string,string,string
#default,_result,,,,temperature,,
,result,table,_time,_value,_field,_measurement,room
,,1,2026-01-01T01:00:00+05:45,7.25,,climate,"big, hall"
"""


def test_influx_annotated():
    rows, told = read(ANNOTATED, f"sensor.hall={T}", f"climate,room=big, hall temperature={T}")
    assert rows == [
        ("sensor.hall", at("2026-01-01T00:52:00+00:00"), 15.0),
        ("climate,room=big, hall temperature", at("2025-12-31T19:15:00+00:00"), 7.25),
    ]
    assert told.form is FileFormat.INFLUX_ANNOTATED
    assert told.names[0].empty == 1


def test_influx_v1():
    # `influx -format csv`, times in nanoseconds; a file with GROUP BY has a column `tags`.
    text = (
        "name,time,domain,entity_id,friendly_name_str,value\n"
        "°C,1767225600000000000,sensor,hall,Hall,20.5\n"
    )
    rows, told = read(text, f"sensor.hall={T}")
    assert rows == [("sensor.hall", at("2026-01-01T00:00:00+00:00"), 20.5)]
    assert told.form is FileFormat.INFLUX_CSV
    text = 'name,tags,time,temp\nclimate,"room=hall,floor=1",1767225600000000000,20.5\n'
    [row], _ = read(text, f"climate,floor=1,room=hall temp={T}")
    assert row[2] == 20.5


def test_line_protocol():
    text = (
        "# DDL\nCREATE DATABASE home\n"
        'climate,room=big\\ hall temp=20.5,hum=45i,note="a, \\"b\\" c=d" 1767225600000000000\n'
        "°C,domain=sensor,entity_id=hall value=19 1767225600000000000\n"
        "climate,room=hall temp=20.5\n"
        "climate temp= 1767225600000000000\n"
    )
    rows, told = read(
        text,
        f"climate,room=big hall temp={T}",
        f"climate,room=big hall hum={H}",
        f"sensor.hall={T}",
    )
    assert [(name, value) for name, _, value in rows] == [
        ("climate,room=big hall temp", 20.5), ("climate,room=big hall hum", 45.0),
        ("sensor.hall", 19.0),
    ]  # fmt: skip
    assert told.form is FileFormat.LINE_PROTOCOL
    assert [one.line for one in told.refused] == [5, 6]
    assert "there is no time" in told.refused[0].reason
    assert "climate,room=big hall note" in [one.name for one in told.names]


def test_our_own_exports_come_back_raw():
    noon = "2026-03-01T12:00:00.000000+00:00"
    text = f"series,at,value,raw\r\n'=x,{noon},1,1\r\n{T},{noon},25,20\r\n"
    rows, told = read(text)
    assert rows == [(T, at("2026-03-01T12:00:00+00:00"), 20.0)]
    assert [one.name for one in told.names] == ["=x", T]
    # As a German spreadsheet has it: a byte order mark, semicolons, a decimal comma.
    text = f"series;at;value\n{T};2026-03-01T12:00:00+01:00;20,5\n"
    rows, _ = read(b"\xef\xbb\xbf" + text.encode())
    assert rows == [(T, at("2026-03-01T11:00:00+00:00"), 20.5)]


def test_a_column_a_series_and_dates_of_several_lands():
    text = (
        'Datum;Halle [°F];Bad (°C);Notiz\n01.03.2026 12:00;68;"21,5";"zwei\nZeilen"\n;1;2;\n1;2\n'
    )
    rows, told = read(
        text, f"Halle [°F]={T}", "Bad (°C)=d3/TemperatureSensor/CurrentTemperature",
        zone="Europe/Berlin",
    )  # fmt: skip
    noon = at("2026-03-01T11:00:00+00:00")
    assert rows == [("Halle [°F]", noon, 20.0), ("Bad (°C)", noon, 21.5)]
    assert [one.line for one in told.refused] == [4, 4, 4, 5]
    assert told.refused[-1].reason == "has 2 cells where the header has 4"


def test_what_nobody_mapped_is_told_with_what_it_could_be():
    _, told = read("entity_id,state,last_changed,unit\nsensor.attic_humidity,40,1767225600,%\n")
    [one] = told.names
    assert (one.series, one.hint) == (None, "attic_humidity/HumiditySensor/CurrentRelativeHumidity")
    _, told = read("time,x\n1767225600,4\n", f"x={T}@W")
    assert "is in W, CurrentTemperature in °C" in told.names[0].problem
    for wrong in ("x", "x=d1/Nothing/On", "x=d1/Switch/CurrentTemperature", f"x={T}@furlong"):
        with pytest.raises(MappingRefusedError):
            names_of([wrong])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no reading"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"time,x\n1767225600,\xff\n", "line 2 is not UTF-8"),
        (b"time,x\n1,\x00\n", "line 2 has a zero byte"),
        (b"a,b\n1,2\n", "line 1 is to be a header"),
        (b"entity_id,last_changed\n1,2\n", "no column for the value"),
        (b'time,x\n1,"' + b"y\n" * 600_000, "line 2 is longer than 1 MiB: is a quote opened"),
    ],
)
def test_what_is_no_such_file_says_where(content, told):
    with pytest.raises(UnreadableFileError, match=told):
        read(content, piece=1 << 16)


# Offsets by the tz database: Lord Howe +11/+10:30 (half an hour, on 2026-04-05 at 02:00), Adelaide
# +10:30/+9:30, Chatham +13:45/+12:45, Kathmandu +5:45; Apia left out 2011-12-30; Casablanca goes
# back to +00 for Ramadan (2026-02-15 03:00), forward on 2026-03-22 02:00.
@pytest.mark.parametrize(
    ("zone", "local", "first", "second"),
    [
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45", "2026-04-04T15:15"),
        ("Australia/Adelaide", "2026-04-05 02:30:00", "2026-04-04T16:00", "2026-04-04T17:00"),
        ("Pacific/Chatham", "2026-04-05T03:00", "2026-04-04T13:15", "2026-04-04T14:15"),
        ("Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30", "2026-02-15T02:30"),
        ("Asia/Kathmandu", "2026-04-05T02:30", "2026-04-04T20:45", None),
        ("Pacific/Apia", "2011-12-30T12:00", None, None),
        ("Africa/Casablanca", "2026-03-22T02:30", None, None),
        ("Australia/Lord_Howe", "2026-10-04T02:15", None, None),
    ],
)
def test_times_without_an_offset_are_the_zones(zone, local, first, second):
    def of(hour):
        stamps = Stamps(ZoneInfo(zone), hour)
        try:
            found = stamps.read(local)
        except BadStampError as error:
            return str(error), stamps.repeated
        return found.isoformat()[:16], stamps.repeated

    if first is None:
        for hour in RepeatedHour:
            assert "does not exist" in of(hour)[0]
    elif second is None:
        assert of(RepeatedHour.REFUSE) == (first, False)
    else:
        assert "comes twice" in of(RepeatedHour.REFUSE)[0]
        assert of(RepeatedHour.FIRST) == (first, True)
        assert of(RepeatedHour.SECOND) == (second, True)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1767225600", {}, "2026-01-01T00:00:00+00:00"),
        ("1767225600.5", {}, "2026-01-01T00:00:00.500000+00:00"),
        ("1767225600123", {}, "2026-01-01T00:00:00.123000+00:00"),
        ("1767225600123456789", {}, "2026-01-01T00:00:00.123456+00:00"),
        ("86400", {"unit": StampUnit.MILLISECONDS}, "1970-01-01T00:01:26.400000+00:00"),
        ("2026-01-01 00:00:00 UTC", {}, "2026-01-01T00:00:00+00:00"),
        ("2026-01-01 05:45:00 +05:45", {}, "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T00:00:00.123456789Z", {}, "2026-01-01T00:00:00.123456+00:00"),
        ("20260101", {}, "2026-01-01T00:00:00+00:00"),
        ("3/4/2026 12:05 AM", {"dates": DateOrder.MONTH_FIRST}, "2026-03-04T00:05:00+00:00"),
        ("3/4/2026, 1:05 pm", {"dates": DateOrder.DAY_FIRST}, "2026-04-03T13:05:00+00:00"),
        ("3/4/2026 1:05", {}, "day"), ("30.2.2026", {}, "no time"), ("", {}, "no time"),
        ("1e999", {}, "no time"), ("9999999999999999999", {"unit": StampUnit.SECONDS}, "age"),
        ("0001-01-01T00:00:00+14:00", {}, "age"), ("13/1/2026 13:00 PM", {"dates": "dmy"}, "half"),
    ],
)  # fmt: skip
def test_times_are_read_as_they_are_written(text, options, expected):
    stamps = Stamps(ZoneInfo("UTC"), **options)
    if expected[0] in "12":
        assert stamps.read(text).isoformat() == expected
    else:
        with pytest.raises(BadStampError, match=expected):
            stamps.read(text)


def test_readings_of_another_age_are_refused_and_of_another_span_left_out():
    old, soon = NOW - timedelta(days=365 * 27), NOW + timedelta(days=1)
    text = "time,x\n" + "".join(f"{t.isoformat()},1\n" for t in (old, soon, NOW))
    rows, told = read(text, f"x={T}")
    assert [row[1] for row in rows] == [NOW]
    assert ["before 2000" in told.refused[0].reason, "future" in told.refused[1].reason] == [1, 1]
    rows, told = read(text, f"x={T}", until=NOW)
    assert (rows, told.names[0].outside, told.refused_lines) == ([], 2, 1)


def test_home_assistants_database(tmp_path):
    path = tmp_path / "home-assistant_v2.db"
    with sqlite3.connect(path) as database:
        database.executescript("""
            CREATE TABLE states_meta (metadata_id INTEGER PRIMARY KEY, entity_id TEXT);
            CREATE TABLE state_attributes (attributes_id INTEGER PRIMARY KEY, shared_attrs TEXT);
            CREATE TABLE states (state_id INTEGER PRIMARY KEY, state TEXT, last_updated_ts FLOAT,
                metadata_id INTEGER, attributes_id INTEGER);
            CREATE TABLE statistics_meta (id INTEGER PRIMARY KEY, statistic_id TEXT,
                unit_of_measurement TEXT);
            CREATE TABLE statistics (id INTEGER PRIMARY KEY, metadata_id INTEGER, start_ts FLOAT,
                mean FLOAT, state FLOAT);
            INSERT INTO states_meta VALUES (1, 'sensor.hall');
            INSERT INTO state_attributes VALUES (1, '{"unit_of_measurement": "°F"}');
            INSERT INTO states VALUES (1, '68', 1767229200.25, 1, 1);
            INSERT INTO statistics_meta VALUES (1, 'sensor.hall', '°F');
            INSERT INTO statistics VALUES (1, 1, 1767222000, 59, NULL), (2, 1, 1767229200, 0, NULL);
        """)
    database.close()
    assert is_sqlite(path)
    rows, _ = read(b"".join(recorder_csv(path)), f"sensor.hall={T}")
    assert rows == [  # the hour that has states is not told by its mean as well
        ("sensor.hall", at("2025-12-31T23:00:00+00:00"), 15.0),
        ("sensor.hall", at("2026-01-01T01:00:00.250000+00:00"), 20.0),
    ]
    path.write_bytes(b"SQLite format 3\x00 and no more")
    with pytest.raises(UnreadableFileError, match="no database of Home Assistant"):
        list(recorder_csv(path))
