"""Calibrations, and sources that say their numbers otherwise, marked in every answer."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.reading import AS_SENT, Reading, SourceScale
from hub.readings.csv_dialect import PLAIN
from hub.readings.exports import Exports
from hub.readings.formats import ResponseFormat
from hub.readings.points import Resolution, Span
from hub.readings.repository import ReadingRepository
from hub.readings.service import ReadingService
from hub.readings.streamed import PointsAsk, file_chunks, json_chunks
from tests.hub.ingest.test_ingest import NOW, key, stored

HOUR = timedelta(hours=1)
BEGIN = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=4)
NAMES = [key(device).full_name for device in ("m0", "m1", "m2")]
SOURCE = "source in °F, before in °C"
CALIBRATION = "calibration: 2 \N{MULTIPLICATION SIGN} measured \N{MINUS SIGN} 1"
MEASURED = "calibration: as measured"


@pytest.fixture
async def marked(store):
    """Of three series the second is marked: its source at 5:30, and twice within no reading."""
    readings = [
        Reading(
            key(device), 20.0 + n / 10, BEGIN + n * HOUR / 2,
            source=SourceScale("F") if device == "m1" and n >= 11 else AS_SENT,
        )
        for device in ("m0", "m1", "m2") for n in range(60)
    ]  # fmt: skip
    await stored(store, readings)
    # Begins and ends between two readings: the next one has both.
    since, until = (BEGIN + timedelta(hours=10, minutes=m) for m in (5, 25))
    repository = ReadingRepository(store.of("home"))
    await repository.calibrate(key("m1"), gain=2, offset=-1, since=since, until=until)
    return store


async def answered(store, form, resolution, devices=("m0", "m1", "m2")):
    readings = ReadingService(store).of("home")
    series, span = (
        await readings.find([key(one) for one in devices]),
        Span(BEGIN, BEGIN + 48 * HOUR),
    )
    sources = await readings.source_changes(series, span)
    zone = ZoneInfo("Asia/Kathmandu")
    ask = PointsAsk(readings, series, span, resolution, zone, PLAIN, sources)
    if form is ResponseFormat.JSON:
        return b"".join([chunk async for chunk in json_chunks(ask, Exports())])
    return b"".join([chunk async for chunk in file_chunks(ask, Exports(), form)])


def rows_of(answer, form):
    """(series, mark) of each row; None: nothing is marked."""
    if form is ResponseFormat.CSV:
        rows = list(csv.DictReader(io.StringIO(answer.decode())))
        assert {None}.isdisjoint(rows[0])
        return [(row["series"], row["mark"] or None) for row in rows]
    if form is ResponseFormat.PARQUET:
        table = pq.read_table(io.BytesIO(answer))
    else:
        table = pa.ipc.open_stream(answer).read_all()
    assert table.schema.field("mark").type == pa.string()
    return list(zip(table["series"].to_pylist(), table["mark"].to_pylist(), strict=True))


EXPECTED = {
    # The zone's hours begin at a quarter past: 5:30 is in the sixth, 10:05 in the tenth.
    Resolution.RAW: {11: SOURCE, 21: f"{CALIBRATION}; {MEASURED}"},
    Resolution.HOURLY: {6: SOURCE, 10: CALIBRATION, 11: MEASURED},
    # Its days at a quarter past six in the evening before.
    Resolution.DAILY: {0: f"{SOURCE}; {CALIBRATION}; {MEASURED}"},
}


async def test_a_file_marks_the_first_point_from_there_on(marked):
    for resolution, expected in EXPECTED.items():
        plain = json.loads(await answered(marked, ResponseFormat.JSON, resolution))["series"]
        for form in (ResponseFormat.CSV, ResponseFormat.PARQUET, ResponseFormat.ARROW):
            rows = rows_of(await answered(marked, form, resolution), form)
            assert [name for name, _ in rows] == [
                name for name, one in zip(NAMES, plain, strict=True) for _ in one["points"]
            ], "the points are what they are without marks"
            assert {mark for name, mark in rows if name != NAMES[1]} == {None}
            marks = [mark for name, mark in rows if name == NAMES[1]]
            assert {n: mark for n, mark in enumerate(marks) if mark} == expected, (resolution, form)


async def test_json_says_it_beside_the_points_and_no_column_is_empty(marked):
    answer = json.loads(await answered(marked, ResponseFormat.JSON, Resolution.RAW))
    assert [(len(one["source"]), len(one["scale"])) for one in answer["series"]] == [
        (0, 0), (1, 2), (0, 0),
    ]  # fmt: skip
    [source] = answer["series"][1]["source"]
    assert source == {"at": (BEGIN + 5.5 * HOUR).astimezone(ZoneInfo("Asia/Kathmandu")).isoformat(),
                      "unit": "°F", "gain": 1, "offset": 0, "text": SOURCE}  # fmt: skip
    text = await answered(marked, ResponseFormat.CSV, Resolution.RAW, ("m0", "m2"))
    assert text.splitlines()[0] == b"series,at,value,raw"
