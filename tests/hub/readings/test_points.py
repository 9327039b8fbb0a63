"""Points of series in pieces: exact, ordered, whole, whatever the size of a piece; gaps."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from contracts.reading import Reading, SeriesKey
from hub.database.errors import ForeignRowError
from hub.devices.repository import DeviceRepository
from hub.readings.coverage import CoverageRepository
from hub.readings.points import Form, PointRepository, Resolution, Span
from hub.readings.repository import Bins, ReadingRepository
from hub.readings.service import ReadingService
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.support import seeds

SPAN = Span(NOW - timedelta(days=4000), NOW + timedelta(days=1))


async def collected(store, name, span=SPAN, resolution=Resolution.RAW, form=Form.JSON, size=5000):
    points = PointRepository(store.of("home"))
    [series] = await points.find([name])
    if resolution is Resolution.RAW:
        return [piece async for piece in points.pieces(series, span, form, size)]
    readings = ReadingService(store).of("home")
    return [piece async for _, piece in readings.pieces([series], span, resolution, form)]


def from_json(pieces):
    rows = json.loads("[" + ",".join(piece.text for piece in pieces if piece.text) + "]")
    return [(datetime.fromisoformat(at), *rest) for at, *rest in rows]


@pytest.mark.parametrize("size", [1, 7, 300])
async def test_every_reading_comes_once_in_order_in_every_form(store, size):
    seed = seeds.seed()
    rng = random.Random(seed)
    # Many at the same instant, so that pieces end between them.
    readings = [
        Reading(
            key(), rng.uniform(-1e9, 1e9), NOW - timedelta(microseconds=rng.randrange(30) * 333_333)
        )
        for _ in range(100)
    ]
    await stored(store, readings)
    await ReadingRepository(store.of("home")).calibrate(key(), gain=1 / 3, offset=-0.1)
    samples = await ReadingRepository(store.of("home")).samples(key(), SPAN.since, SPAN.until)
    truth = sorted((s.at, s.value, s.raw) for s in samples)
    assert len(truth) == 100

    rows = from_json(await collected(store, key(), size=size))
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert sorted(rows) == truth

    lines = [piece.text for piece in await collected(store, key(), form=Form.CSV, size=size)]
    rows = list(csv.reader(io.StringIO("\n".join(line for line in lines if line))))
    assert {row[0] for row in rows} == {"d1/TemperatureSensor/CurrentTemperature"}
    assert sorted((datetime.fromisoformat(r[1]), float(r[2]), float(r[3])) for r in rows) == truth

    packed = await collected(store, key(), form=Form.PACKED, size=size)
    rows = [row for piece in packed for row in zip(*piece.columns, strict=True)]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert sorted((epoch + timedelta(microseconds=at), v, raw) for at, v, raw in rows) == truth


async def test_bins_are_those_of_the_rollup_and_the_first_one_is_whole(store):
    await stored(
        store, [Reading(key(), float(n), NOW - timedelta(minutes=7 * n)) for n in range(500)]
    )
    since = NOW - timedelta(hours=30, minutes=17)
    for resolution, bins in ((Resolution.HOURLY, Bins.HOUR), (Resolution.DAILY, Bins.DAY)):
        span = Span(since, SPAN.until)
        pieces = await collected(store, key(), span, resolution)
        truth = await ReadingRepository(store.of("home")).bins(
            key(), span.over(resolution).since, SPAN.until, bins
        )
        assert [(*row[:2], row[6], *row[3:6]) for row in from_json(pieces)] == [
            (b.start, b.n, pytest.approx(b.mean), b.low, b.high, b.last) for b in truth
        ]
        assert truth[0].start <= since


async def test_texts_are_given_as_they_are_but_no_spreadsheet_reckons_with_them(store):
    evil = [
        '=HYPERLINK("http://x","y")',
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20A1",
        'a"b',
        "a,b\nc",
        "",
    ]
    name = SeriesKey("dev", "AccessoryInformation", 0, "Name")
    at = [NOW + timedelta(seconds=n) for n in range(len(evil))]
    await stored(store, [Reading(name, text, t) for text, t in zip(evil, at, strict=True)])
    assert [row[1] for row in from_json(await collected(store, name, size=2))] == evil
    packed = await collected(store, name, form=Form.PACKED, size=2)
    assert [text for piece in packed for text in piece.columns[1]] == evil
    text = "\n".join(piece.text for piece in await collected(store, name, form=Form.CSV, size=100))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {tuple(row[2:4]) for row in rows} == {("", "")}  # columns of numbers have none
    cells = [row[4] for row in rows]
    assert [cell.removeprefix("'") for cell in cells] == evil
    assert not any(cell.startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")) for cell in cells)


async def test_booleans_keep_their_kind(store):
    name = SeriesKey("dev", "Switch", 0, "On")
    await stored(
        store, [Reading(name, True, NOW), Reading(name, False, NOW + timedelta(seconds=1))]
    )
    assert [row[1:] for row in from_json(await collected(store, name))] == [
        (True, True),
        (False, False),
    ]


async def test_values_can_be_had_as_they_were_calibrated_at_an_instant(store):
    await stored(store, [Reading(key(), 10.0, NOW)])
    before = datetime.now(UTC)
    await ReadingRepository(store.of("home")).calibrate(key(), gain=2)
    between = datetime.now(UTC)
    await ReadingRepository(store.of("home")).calibrate(key(), gain=3, offset=1)
    points = PointRepository(store.of("home"))
    for instant, value in ((before, 10), (between, 20), (datetime.now(UTC), 31)):
        [series] = await points.find([key()], instant)
        pieces = [p async for p in points.pieces(series, SPAN, Form.JSON)]
        assert from_json(pieces) == [(NOW, value, 10)]


async def test_a_series_that_is_not_there_or_anothers_is_named(store):
    await store.ensure_tenant("other")
    await stored(store, [Reading(key("theirs"), 1.0, NOW)], "other")
    await stored(store, [Reading(key(), 1.0, NOW)])
    for device in ("theirs", "nobodys"):
        with pytest.raises(ForeignRowError, match=f"no series {device}/TemperatureSensor/"):
            await PointRepository(store.of("home")).find([key(), key(device)])


async def test_no_more_are_counted_than_asked(store):
    await stored(store, [Reading(key(), 1.0, NOW - timedelta(seconds=n)) for n in range(50)])
    points = PointRepository(store.of("home"))
    found = await points.find([key()])
    assert await points.count(found, SPAN, 100) == 50
    assert await points.count(found, SPAN, 10) == 11
    assert await points.count(found * 3, SPAN, 120) == 121


async def regular(store, count=600, minutes=10, skipped=frozenset(), next_wake=600.0):
    begin = (NOW - timedelta(days=2, minutes=count * minutes)).replace(
        minute=0, second=0, microsecond=0
    )
    await stored(
        store,
        [
            Reading(key(), float(n), begin + timedelta(minutes=minutes * n))
            for n in range(count)
            if n not in skipped
        ],
    )
    await DeviceRepository(store.of("home")).report(
        key().device, {"next_wake_s": next_wake}, NOW, next_wake
    )
    return begin


async def test_gaps_are_told_from_the_last_reading_to_the_next(store):
    begin = await regular(store, skipped=set(range(100, 120)) | {200, 201} | {300})
    [series] = await PointRepository(store.of("home")).find([key()])
    span = Span(begin, begin + timedelta(minutes=10 * 600))
    gaps = await CoverageRepository(store.of("home")).gaps(series, span, Resolution.RAW)
    assert gaps.expected_s == 600
    at = [begin + timedelta(minutes=10 * n) for n in range(600)]
    assert gaps.ranges == [(at[99], at[120]), (at[199], at[202])]
    hourly = await CoverageRepository(store.of("home")).gaps(series, span, Resolution.HOURLY)
    hour = timedelta(hours=1)
    assert hourly.ranges == [(begin + 17 * hour, begin + 20 * hour)]


async def test_nothing_is_missing_before_the_first_reading_but_after_the_last(store):
    begin = await regular(store)
    [series] = await PointRepository(store.of("home")).find([key()])
    coverage = CoverageRepository(store.of("home"))
    early = Span(begin - timedelta(days=9), begin + timedelta(days=1))
    assert (await coverage.gaps(series, early, Resolution.RAW)).ranges == []
    end = begin + timedelta(minutes=10 * 599)
    late = Span(begin + timedelta(hours=1, seconds=1), end + timedelta(hours=2))
    assert (await coverage.gaps(series, late, Resolution.RAW)).ranges == [(end, late.until)]
    [(since, until)] = (await coverage.gaps(series, SPAN, Resolution.RAW)).ranges
    assert since == end
    assert abs(until - datetime.now(UTC)) < timedelta(minutes=1)  # the future is not missing yet
    inside = Span(end + timedelta(hours=3), end + timedelta(hours=4))
    assert (await coverage.gaps(series, inside, Resolution.RAW)).ranges == [
        (inside.since, inside.until)
    ]


async def test_of_a_device_that_promises_nothing_no_gap_is_claimed(store):
    await regular(store, skipped=range(100, 200), next_wake=None)
    [series] = await PointRepository(store.of("home")).find([key()])
    gaps = await CoverageRepository(store.of("home")).gaps(series, SPAN, Resolution.RAW)
    assert (gaps.expected_s, gaps.ranges) == (None, [])


async def test_the_resolution_is_the_finest_that_fits_and_is_still_kept(store, database):
    begin = await regular(store)
    coverage = CoverageRepository(store.of("home"))
    found = await PointRepository(store.of("home")).find([key()])
    span = Span(begin, begin + timedelta(minutes=10 * 600))
    assert await coverage.choose(found, span, 1000) is Resolution.RAW
    assert await coverage.choose(found, span, 599) is Resolution.HOURLY
    assert await coverage.choose(found, span, 50) is Resolution.DAILY
    nothing = Span(begin - timedelta(days=9), begin - timedelta(days=8))
    assert await coverage.choose(found, nothing, 10) is Resolution.RAW
