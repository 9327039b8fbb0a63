"""Days of a place that were worked out before readings of theirs were removed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.reading import SeriesKey
from hub.readings.points import Form, Resolution, Span
from hub.readings.service import ReadingService
from hub.removals.model import RemovalKind
from tests.hub.ingest.test_ingest import key
from tests.hub.readings.test_binned import asked, put, steady
from tests.hub.removals.test_removed import remove

BEGIN = datetime(2025, 3, 27, tzinfo=UTC)
ZONES = ("UTC", "Asia/Kathmandu", "Europe/Berlin")


async def days(store, series, until):
    """Its days in each zone."""
    found = [await asked(store, series, BEGIN, until, Resolution.DAILY, zone) for zone in ZONES]
    return [[row[1:] for row in rows] for rows in found]


async def kept(store):
    async with store.of("home").transaction() as conn:
        found = await conn.execute("SELECT count(*) FROM dormouse.day_bin")
        return (await found.fetchone())[0]


async def test_what_is_left_is_told_as_if_the_rest_had_never_been_measured(store):
    known, until = steady(BEGIN, 15 * 24, 120, lambda n: n % 11), BEGIN + timedelta(days=16)
    await put(store, key(), known)
    told = await days(store, key(), until)
    assert await kept(store) > 3 * 14
    removed = [
        (BEGIN + timedelta(days=1, hours=8), timedelta(microseconds=1)),
        (BEGIN + timedelta(days=3, hours=2, minutes=10), timedelta(hours=5)),
        (BEGIN + timedelta(days=6), timedelta(days=1)),
        (BEGIN + timedelta(days=9, hours=21, minutes=1), timedelta(days=2, hours=3)),
        (BEGIN + timedelta(days=14, hours=20), timedelta(days=2)),
    ]
    for number, (since, length) in enumerate(removed):
        known = [one for one in known if not since <= one[0] < since + length]
        await remove(store, since, since + length)
        fresh = key(f"fresh{number}")
        await put(store, fresh, known)
        before, told = told, await days(store, key(), until)
        assert told == await days(store, fresh, until)
        assert all(old != new for old, new in zip(before, told, strict=True))


async def test_a_meter_counts_on_from_what_is_left_however_long_ago(store):
    """The reading that is removed lies further back than any value holds."""
    meter, fresh = (SeriesKey(name, "EnergyMeter", 0, "Energy") for name in ("d1", "d2"))
    later = BEGIN + timedelta(days=200)
    known = [(BEGIN, 10.0), (BEGIN + timedelta(days=2), 30.0), (later, 100.0)]
    await put(store, meter, known)
    until = later + timedelta(days=2)
    assert [[row[7] for row in rows][-1] for rows in await days(store, meter, until)] == [70.0] * 3
    await remove(store, known[1][0], known[1][0] + timedelta(hours=1), series=meter)
    await put(store, fresh, [known[0], known[2]])
    told = await days(store, meter, until)
    assert [[row[7] for row in rows][-1] for rows in told] == [90.0] * 3
    assert told == await days(store, fresh, until)
    # What comes late is as what went.
    await put(store, meter, [(known[1][0], 50.0)])
    assert [[row[7] for row in rows][-1] for rows in await days(store, meter, until)] == [50.0] * 3


async def test_days_go_with_their_series_and_with_their_device(store):
    until = BEGIN + timedelta(days=4)
    other = key("d2")
    for series in (key(), key(characteristic="On"), other):
        await put(store, series, steady(BEGIN, 72, 240))
        await days(store, series, until)
    each = await kept(store) // 3
    await remove(store, what=RemovalKind.SERIES, series=key(characteristic="On"))
    assert await kept(store) == 2 * each
    await remove(store, what=RemovalKind.DEVICE)
    assert await kept(store) == each
    async with store.of("home").transaction() as conn:
        found = await conn.execute(
            "SELECT DISTINCT d.key FROM dormouse.day_bin b JOIN dormouse.series s "
            "ON s.id = b.series_id JOIN dormouse.device d ON d.id = s.device_id"
        )
        assert await found.fetchall() == [("d2",)]


async def test_a_series_is_removed_while_its_days_are_worked_out(store):
    span = Span(BEGIN, BEGIN + timedelta(days=60))
    readings = ReadingService(store).of("home")
    for number in range(4):
        series = key(f"d{number}")
        await put(store, series, steady(BEGIN, 60 * 24, 240))
        found = await readings.find([series])

        async def ask(found=found):
            zone = ZoneInfo("Asia/Kathmandu")
            pieces = readings.pieces(found, span, Resolution.DAILY, Form.JSON, zone)
            return [piece async for _, piece in pieces]

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.01 * number)
        await remove(store, what=RemovalKind.SERIES, series=series)
        await asking
        assert await kept(store) == 0
