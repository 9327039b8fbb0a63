"""Bins of days and hours as a place has them, against the plain rule worked out here."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from contracts.reading import Reading, SeriesKey
from contracts.zones import day_edges, hour_edges
from hub.devices.replacement import replace_device
from hub.ingest.repository import IntakeRepository
from hub.readings.bins.repository import BinRepository
from hub.readings.points import Form, PointRepository, Resolution, Span
from hub.readings.repository import ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from hub.readings.service import ReadingService
from tests.hub.ingest.test_ingest import key, stored
from tests.hub.readings.weighted import DAY, HOUR, bins

UTC_ZONE = ZoneInfo("UTC")


async def asked(store, series, since, until, resolution, zone="UTC"):
    """The bins as lists, in JSON's columns; times as datetimes."""
    readings = ReadingService(store).of("home")
    found = await readings.find([series])
    pieces = readings.pieces(found, Span(since, until), resolution, Form.JSON, ZoneInfo(zone))
    text = ",".join([piece.text async for _, piece in pieces])
    return [(datetime.fromisoformat(at), *rest) for at, *rest in json.loads(f"[{text}]")]


def steady(begin, hours, minutes=30, value=lambda n: n % 7):
    return [
        (begin + timedelta(minutes=minutes * n), float(value(n)))
        for n in range(int(hours * 60 / minutes))
    ]


async def put(store, series, readings):
    await stored(store, [Reading(series, value, at) for at, value in readings])


ZONES = [
    ("Europe/Berlin", "2026-03-28"), ("Europe/Berlin", "2026-10-24"),
    ("Asia/Kathmandu", "2026-05-01"), ("Australia/Adelaide", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-04-04"), ("Australia/Lord_Howe", "2026-10-03"),
    ("Pacific/Chatham", "2026-04-04"), ("Africa/Casablanca", "2026-02-14"),
    ("Africa/Casablanca", "2026-03-21"), ("Pacific/Chatham", "2025-09-27"),
    ("Australia/Adelaide", "2025-10-04"), ("America/St_Johns", "2026-03-07"),
    ("Asia/Tehran", "2022-09-20"), ("Atlantic/Azores", "2025-10-25"),
]  # fmt: skip


async def test_days_and_hours_are_the_places_own(store):
    """Of each zone the three days around a change of its clock, in both resolutions, twice."""
    for number, (zone, day) in enumerate(ZONES):
        tz = ZoneInfo(zone)
        begin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=tz).astimezone(UTC)
        until = begin + 3 * DAY
        series = key(f"z{number}")
        readings = steady(begin - timedelta(minutes=50), 74)
        await put(store, series, readings)
        span = begin, until
        for resolution, edges in (
            (Resolution.DAILY, day_edges(tz, *span)),
            (Resolution.HOURLY, hour_edges(tz, *span)),
            (Resolution.DAILY, day_edges(tz, *span)),  # kept by now
        ):
            found = await asked(store, series, *span, resolution, zone)
            expected = bins(readings, edges, timedelta(minutes=75))
            assert [row[:8] for row in found] == expected, (zone, day, resolution)
            offsets = [row[0].utcoffset() for row in found]
            assert offsets == [row[0].astimezone(tz).utcoffset() for row in expected]
        lengths = {b - a for a, b in pairwise(day_edges(tz, *span))}
        assert lengths != {DAY} or zone == "Asia/Kathmandu"


async def test_a_busy_hour_does_not_outweigh_the_others(store):
    begin = datetime(2026, 5, 4, tzinfo=UTC)
    readings = [(begin + n * HOUR, 10.0) for n in range(24)]
    readings += [(begin + 10 * HOUR + timedelta(seconds=30 * n), 34.0) for n in range(1, 120)]
    readings.sort()
    await put(store, key(), readings)
    [(_, n, mean, low, high, last, plain, seconds, rise, states)] = await asked(
        store, key(), begin, begin + DAY, Resolution.DAILY
    )
    # Of the busy hour all but its first half a minute was warm.
    assert mean == pytest.approx((10 * (86400 - 3570) + 34 * 3570) / 86400)
    assert plain == pytest.approx((24 * 10 + 119 * 34) / 143)
    assert (n, low, high, last, seconds, rise, states) == (143, 10, 34, 10, 86400, None, None)


async def test_a_value_holds_no_longer_than_the_silence(store):
    begin = datetime(2026, 5, 4, tzinfo=UTC)
    readings = [r for r in steady(begin, 24, 30) if not 6 <= (r[0] - begin) / HOUR < 18]
    await put(store, key(), readings)
    [row] = await asked(store, key(), begin, begin + DAY, Resolution.DAILY)
    # 12 h of silence, into which the last value before holds for two and a half readings' time.
    assert row[7] == pytest.approx(12 * 3600 + 45 * 60)
    assert row[:8] == bins(readings, [begin, begin + DAY], timedelta(minutes=75))[0]
    hours = await asked(store, key(), begin, begin + DAY, Resolution.HOURLY)
    assert len(hours) == 12


async def test_what_changes_afterwards_is_in_the_day(store):
    """Days that are worked out are worked out anew: late readings, calibration, removal."""
    zone = "Australia/Adelaide"
    begin = datetime(2026, 5, 3, 14, 30, tzinfo=UTC)
    readings = steady(begin, 48)
    await put(store, key(), readings)
    edges = day_edges(ZoneInfo(zone), begin, begin + 2 * DAY)
    held = timedelta(minutes=75)

    async def check(expected):
        found = await asked(store, key(), begin, begin + 2 * DAY, Resolution.DAILY, zone)
        assert [row[:8] for row in found] == bins(expected, edges, held)

    await check(readings)
    late = (begin + timedelta(hours=20, minutes=7), 400.0)
    await put(store, key(), [late])
    readings = sorted([*readings, late])
    await check(readings)
    since = begin + timedelta(hours=30)
    await ReadingRepository(store.of("home")).calibrate(key(), gain=2, offset=1, since=since)
    await check([(at, value if at < since else 2 * value + 1) for at, value in readings])
    await ReadingRepository(store.of("home")).calibrate(key())
    await check(readings)


METERS = {
    "a reset": ([100, 101, 103, 0.5, 1.5], 3 + 0.5 + 1),
    "a register that is full": ([65530, 65534, 3, 10], 16),
    "a register of 32 bits": ([2**32 - 5, 4, 8], 13),
    "a dial": ([99998.5, 99999.5, 0.5], 2),
    "a register of 24 bits": ([2**24 - 3, 2**24 - 1, 2, 6], 9),
    "Wh in 32 bits, as kWh": ([4294967.2, 4294967.29, 0.006, 1], 0.09 + 0.012 + 0.994),
    "watt-minutes in 32 bits, as kWh": (
        [71582.70, 71582.75, 0.1, 0.2],
        2**32 / 60000 - 71582.7 + 0.2,
    ),
    "tenths in 16 bits": ([6553.1, 6553.5, 0.4], 0.4 + 0.5),
    "a signed register of 16 bits": ([32765, 32767, -32766, -32760, -32000], 2 + 3 + 6 + 760),
    "it begins anew twice": ([12, 0, 0.5, 8, 0.25], 0.5 + 7.5 + 0.25),
    "its last digits drift": ([1234.567, 1234.568, 1234.567, 1234.5679, 1235], 1235 - 1234.567),
    "what is fed into the grid": ([1000, 998, 990, 995, 1004], 4),
    "through zero and back": ([3, 2, -1, -4, 1], -2),
    "nearly full, then anew": ([60000, 60100, 40], 140),
    "a pause": ([5, 5, 5, 9], 4),
    "one reading": ([7], 0),
}


@pytest.mark.parametrize("case", METERS)
async def test_a_counter_rises_over_resets_and_rollovers(store, case):
    values, expected = METERS[case]
    begin = datetime(2026, 5, 3, 18, 15, tzinfo=UTC)
    series = SeriesKey("meter", "EnergyMeter", 0, "Energy" if case == "a dial" else "PulseCount")
    readings = [(begin + (n + 1) * 5 * HOUR, float(v)) for n, v in enumerate(values)]
    await put(store, series, readings)
    for resolution in (Resolution.DAILY, Resolution.HOURLY):
        found = await asked(store, series, begin, begin + 2 * DAY, resolution, "Asia/Kathmandu")
        assert sum(row[8] for row in found) == pytest.approx(expected)


async def test_a_counter_rises_as_it_is_calibrated_and_not_by_its_replacement(store):
    begin = datetime(2026, 5, 4, tzinfo=UTC)
    series = SeriesKey("meter", "EnergyMeter", 0, "PulseCount")
    await put(store, series, [(begin + n * HOUR, 100.0 + n) for n in range(10)])
    repository = ReadingRepository(store.of("home"))
    await repository.calibrate(series, gain=0.1, offset=7)
    [row] = await asked(store, series, begin, begin + DAY, Resolution.DAILY)
    assert row[8] == pytest.approx(0.9)
    # A calibration that begins in between is no increase.
    await repository.calibrate(series, gain=0.2, offset=-50, since=begin + timedelta(hours=4.5))
    [row] = await asked(store, series, begin, begin + DAY, Resolution.DAILY)
    assert row[8] == pytest.approx(4 * 0.1 + 5 * 0.2)
    await repository.calibrate(series)
    now = datetime.now(UTC).replace(microsecond=0)
    await put(store, series, [(now - timedelta(minutes=2), 200.0)])
    await replace_device(store.of("home"), "meter", "meter2", who="ann")
    new = SeriesKey("meter2", "EnergyMeter", 0, "PulseCount")
    after = datetime.now(UTC) + timedelta(seconds=1)
    await put(store, new, [(after, 9000.0), (after + timedelta(seconds=1), 9004.0)])
    found = await asked(store, new, begin, after + HOUR, Resolution.DAILY)
    assert sum(row[8] for row in found) == pytest.approx(9 + 91 + 4)


async def test_states_have_the_time_that_was_spent_in_each(store):
    begin = datetime(2026, 5, 3, 22, tzinfo=UTC)
    switch = SeriesKey("s1", "Switch", 0, "On")
    await stored(store, [
        Reading(switch, on, begin + timedelta(hours=h)) for h, on in ((6, True), (50, False))
    ])  # fmt: skip
    found = await asked(store, switch, begin, begin + 3 * DAY, Resolution.DAILY, "Europe/Berlin")
    assert [(row[1], row[9]) for row in found] == [
        (1, {"1": 18 * 3600}), (0, {"1": 86400}), (1, {"1": 2 * 3600, "0": 22 * 3600}),
    ]  # fmt: skip
    assert [row[7] for row in found] == [18 * 3600, 86400, 86400]
    position = SeriesKey("s1", "GarageDoorOpener", 0, "CurrentDoorState")
    await stored(store, [
        Reading(position, state, begin + timedelta(minutes=m))
        for m, state in ((0, 1), (30, 2), (31, 0), (50, 3), (51, 1))
    ])  # fmt: skip
    [row, *_] = await asked(store, position, begin, begin + HOUR, Resolution.HOURLY)
    assert row[9] == {"1": 30 * 60 + 9 * 60, "2": 60, "0": 19 * 60, "3": 60}


async def test_days_stay_when_their_readings_go(store):
    """Of hours, where the readings are gone; of days of UTC, where hours are gone as well."""
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - 50 * DAY
    readings = steady(begin, 96)
    await put(store, key(), readings)
    edges = day_edges(UTC_ZONE, begin, begin + 4 * DAY)
    expected = bins(readings, edges, timedelta(minutes=75))

    async def check(zone="UTC"):
        found = await asked(store, key(), begin, begin + 4 * DAY, Resolution.DAILY, zone)
        assert sum(row[1] for row in found) == len(readings)
        return found

    for rule in (RetentionRule(30), RetentionRule(30, 30)):
        await set_retention(store.of("home"), rule, key())
        await remove_expired(store, dry=False)
        # Neither what is kept nor what is worked out anew loses anything.
        async with store.of("home").transaction() as conn:
            await conn.execute("DELETE FROM dormouse.day_bin")
        found = await check()
        assert [row[:7] for row in found] == [
            (*row[:2], pytest.approx(row[6].expected), *row[3:7]) for row in expected
        ]
        await check("Asia/Kathmandu")
    points = await PointRepository(store.of("home")).find([key()])
    assert points[0].kind == "float"


MONTHS_LOCKED = """
SELECT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relname LIKE 'reading_2%' ORDER BY 1"""


async def test_months_that_nobody_asked_for_are_not_planned_for(store):
    """What a plan may read is locked: of two years of months those that the bins lie in."""
    begin = datetime(2025, 3, 31, 20, tzinfo=UTC)
    await put(store, key(), steady(begin, 8))
    months = [datetime(2024 + n // 12, n % 12 + 1, 5, tzinfo=UTC) for n in range(24)]
    await IntakeRepository(store.of("home")).ensure_partitions(months)
    [series] = await PointRepository(store.of("home")).find([key()])
    year = Span(begin - timedelta(days=300), begin + 8 * HOUR)
    for span, resolution, expected in (
        (Span(begin, year.until), Resolution.HOURLY, ["reading_2025_03", "reading_2025_04"]),
        (year, Resolution.DAILY, []),
    ):
        ask = ([series], span, resolution, Form.JSON, UTC_ZONE)
        first = [one.text async for _, one in BinRepository(store.of("home")).pieces(*ask)]
        async with store.across(["home"]) as snapshots:  # one transaction
            home = snapshots.of("home")
            assert [one.text async for _, one in BinRepository(home).pieces(*ask)] == first
            async with home.transaction() as conn:
                found = await (await conn.execute(MONTHS_LOCKED)).fetchall()
        assert [row[0] for row in found] == expected
