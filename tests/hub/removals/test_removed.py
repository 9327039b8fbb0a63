"""What is left after a removal is what there would be had it never been measured."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import errors as pg

from contracts.reading import Identity, Reading
from hub.database.database import Database
from hub.devices.repository import DeviceRepository
from hub.ingest.ingest import Ingest
from hub.readings.repository import Bins, ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from hub.removals.model import RemovalKind, RemovalRequest, steps
from hub.removals.repository import RemovalRepository
from tests.hub.ingest.test_ingest import key, stored
from tests.hub.readings.test_readings import rolled
from tests.support import seeds

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
OLD = TODAY - timedelta(days=40)
FROM, TO = OLD - timedelta(days=1), TODAY + timedelta(days=2)
WIDTHS = ((Bins.HOUR, timedelta(hours=1)), (Bins.DAY, timedelta(days=1)))


async def remove(store, since=None, until=None, *, series=None, what=RemovalKind.SPAN):
    series = series or key()
    removals = RemovalRepository(store.of("home"))
    of = None if what is RemovalKind.DEVICE else series
    request = RemovalRequest(what, series.device, of, since, until, "ann", "test")
    number = await removals.begin(request)
    await removals.carry_out(number, request)
    return await removals.get(number)


async def checked(store, expected):
    """Readings, bins and the newest value, against what was measured [(at, value)]."""
    readings = ReadingRepository(store.of("home"))
    for bins, width in WIDTHS:
        assert await readings.bins(key(), FROM, TO, bins) == rolled(expected, width), bins
    newest = await RemovalRepository(store.of("home")).newest(key())
    assert newest == (max(expected)[::-1] if expected else None)


async def measured(store, rng, count=150):
    known = [
        (OLD + timedelta(seconds=rng.randrange(39 * 86400)), round(rng.uniform(-20, 40), 3))
        for _ in range(count)
    ]
    known = sorted(dict(known).items())
    await stored(store, [Reading(key(), value, at) for at, value in known])
    return known


@pytest.fixture
def rng():
    seed = seeds.seed()
    return random.Random(seed)


async def test_readings_and_spans_leave_what_was_never_measured(store: Database, rng):
    known = await measured(store, rng)
    for _ in range(5):
        at = rng.choice([known[-1], rng.choice(known)])[0]
        done = await remove(store, at, at + timedelta(microseconds=1), what=RemovalKind.READING)
        known = [one for one in known if one[0] != at]
        assert (done.readings, done.bins_kept) == (1, 0)
        since = OLD + timedelta(seconds=rng.randrange(38 * 86400))
        length = rng.choice([90, 5400, 86400, 3 * 86400])
        until = rng.choice([since + timedelta(seconds=length), TO])
        since = max(since, until - timedelta(seconds=length))
        if rng.random() < 0.5:  # on the edges of bins, too
            since, until = (one.replace(minute=0, second=0) for one in (since, until))
            until = max(until, since + timedelta(hours=1))
        left = [one for one in known if not since <= one[0] < until]
        done = await remove(store, since, until)
        assert (done.readings, done.bins_kept) == (len(known) - len(left), 0)
        known = left
        await checked(store, known)
    await stored(store, [Reading(key(), 7.5, TODAY)])
    await checked(store, [*known, (TODAY, 7.5)])


async def test_calibrated_bins_are_those_of_what_is_left(store: Database, rng):
    known = await measured(store, rng, 120)
    readings = ReadingRepository(store.of("home"))
    turn = OLD + timedelta(days=20)
    await readings.calibrate(key(), gain=2, offset=-3, since=turn)
    since, until = turn - timedelta(hours=30, minutes=7), turn + timedelta(hours=50, minutes=11)
    await remove(store, since, until)
    left = [one for one in known if not since <= one[0] < until]
    expected = [(at, value if at < turn else 2 * value - 3) for at, value in left]
    for bins, width in WIDTHS:
        assert await readings.bins(key(), FROM, TO, bins) == rolled(expected, width)
    # What is calibrated anew is transformed from raw values that are right, too.
    await readings.calibrate(key(), gain=5)
    for bins, width in WIDTHS:
        assert await readings.bins(key(), FROM, TO, bins) == rolled(
            [(at, 5 * value) for at, value in left], width
        )


async def test_where_readings_have_expired_whole_bins_go_and_the_others_are_told(store, rng):
    known = await measured(store, rng)
    await set_retention(store.of("home"), RetentionRule(20))
    await remove_expired(store, dry=False)
    # Hours are there still: a day loses those that lie within.
    since = known[40][0].replace(minute=0, second=0) + timedelta(hours=1)
    until = since + timedelta(hours=29)
    done = await remove(store, since, until)
    assert (done.readings, done.bins_kept) == (0, 0)
    left = [one for one in known if not since <= one[0] < until]
    await checked(store, left)
    # Within an hour nothing can be told apart: those at the ends stay.
    first = left[10][0].replace(minute=0, second=0) + timedelta(hours=1)
    last = first + timedelta(days=3)
    done = await remove(store, first - timedelta(minutes=59), last + timedelta(minutes=1))
    assert done.readings == 0
    assert done.bins_kept >= 1
    await checked(store, [one for one in left if not first <= one[0] < last])


async def test_the_newest_value_outlives_retention_as_before(store: Database, rng):
    at = TODAY - timedelta(days=10)
    await stored(store, [
        Reading(key(), 5.0, at), Reading(key(), 6.5, at + timedelta(hours=1, minutes=5)),
    ])  # fmt: skip
    await ReadingRepository(store.of("home")).calibrate(key(), gain=2)
    await set_retention(store.of("home"), RetentionRule(5))
    await remove_expired(store, dry=False)
    await remove(store, at + timedelta(hours=1) - timedelta(minutes=at.minute), TODAY)
    assert await RemovalRepository(store.of("home")).newest(key()) == (5.0, at)


async def test_a_removed_reading_that_is_sent_again_stays_away(store: Database):
    sent = [
        Reading(key(), float(n), TODAY - timedelta(hours=n), Identity("b1", n)) for n in range(1, 5)
    ]
    await stored(store, sent)
    await remove(store, sent[0].at, sent[0].at + timedelta(microseconds=1))
    again = await stored(store, sent)
    assert again.counts == {"held": 4}
    await checked(store, [(one.at, one.value) for one in sent[1:]])


async def test_text_and_series_and_devices_go_with_all_that_is_theirs(store: Database, rng):
    name, on = key(characteristic="Name"), key(characteristic="On")
    await stored(store, [
        Reading(name, "x", OLD), Reading(name, "y", TODAY), Reading(on, True, TODAY),
        Reading(key(), 1.0, datetime(2014, 6, 1, tzinfo=UTC)), Reading(key(), 20.0, TODAY),
        Reading(key("d2"), 1.0, TODAY),
    ])  # fmt: skip
    await remove(store, TODAY, TO, series=name)
    assert await RemovalRepository(store.of("home")).newest(name) == ("x", OLD)
    await ReadingRepository(store.of("home")).calibrate(key(), gain=2)
    await DeviceRepository(store.of("home")).report("d1", {"battery_mv": 2000}, TODAY, 9)
    done = await remove(store, what=RemovalKind.SERIES, series=on)
    assert done.readings == 1
    done = await remove(store, what=RemovalKind.DEVICE)
    assert (done.readings, done.series) == (2, None)
    async with store.of("home").transaction() as conn:
        for table in ("reading", "hourly", "daily", "latest", "series", "quarantine",
                      "calibration", "device_state", "report_daily", "delivery"):  # fmt: skip
            found = await conn.execute(f"SELECT t::text FROM dormouse.{table} AS t")
            assert len(await found.fetchall()) <= 1, table  # of d2
        found = await conn.execute("SELECT key FROM dormouse.device")
        assert await found.fetchall() == [("d2",)]
        # Its past says until when it was there.
        found = await conn.execute("SELECT deleted FROM dormouse.tick ORDER BY at DESC LIMIT 1")
        assert await found.fetchone() == (True,)
    await stored(store, [Reading(key(), 3.0, TODAY)])  # it may come back, as a new one
    await checked(store, [(TODAY, 3.0)])


async def test_removals_and_readings_that_come_in_are_in_nobodys_way(store: Database, rng):
    """Whatever comes first: afterwards bins are those of the readings that there are."""
    known = await measured(store, rng, 60)
    ingest = Ingest(store.of("home"))
    await ingest.start()
    done = []
    for number in range(40):
        at = OLD + timedelta(seconds=rng.randrange(39 * 86400), microseconds=number + 1)
        ingest.put([Reading(key(), float(number), at)], lambda: done.append(None))
        if number % 5 == 0:
            await remove(store, at - timedelta(days=2), at)
            await remove(store, known[-1 - number][0], TO)
        await asyncio.sleep(0)
    await ingest.stop()
    assert len(done) == 40
    readings = ReadingRepository(store.of("home"))
    await checked(store, [(s.at, s.raw) for s in await readings.samples(key(), FROM, TO)])


async def test_a_series_that_is_removed_while_it_is_measured_leaves_nothing_behind(store):
    await stored(store, [Reading(key(), 1.0, TODAY)])
    ingest = Ingest(store.of("home"))
    await ingest.start()
    done = []
    for number in range(60):
        at = TODAY + timedelta(microseconds=number + 1)
        ingest.put([Reading(key(), 2.0, at)], lambda: done.append(None))
        if number % 20 == 0:
            await remove(store, what=RemovalKind.SERIES)
        await asyncio.sleep(0.005)
    await ingest.stop()
    assert len(done) == 60
    async with store.of("home").transaction() as conn:
        found = await conn.execute(
            "SELECT count(*) FROM dormouse.reading r WHERE NOT EXISTS "
            "(SELECT FROM dormouse.series s WHERE s.id = r.series_id)"
        )
        assert await found.fetchone() == (0,)
    readings = ReadingRepository(store.of("home"))
    await checked(store, [(s.at, s.raw) for s in await readings.samples(key(), FROM, TO)])


async def test_nobody_changes_the_trail(store: Database):
    await stored(store, [Reading(key(), 1.0, TODAY)])
    await remove(store, TODAY, TO)
    for statement in (
        "UPDATE dormouse.removal SET who = 'bob'", "DELETE FROM dormouse.removal",
        "SELECT dormouse.remove_bins(1, now(), now(), '{}', '{}')",
    ):  # fmt: skip
        with pytest.raises(pg.InsufficientPrivilege):
            async with store.of("home").transaction() as conn:
                await conn.execute(statement)


def test_steps_are_weeks_that_begin_with_a_day(rng):
    since = OLD + timedelta(seconds=rng.randrange(86400), microseconds=1)
    until = since + timedelta(days=rng.randrange(1, 60), hours=5)
    found = list(steps(since, until))
    assert (found[0][0], found[-1][1]) == (since, until)
    for (_, end), (begin, _) in itertools.pairwise(found):
        assert end == begin
        assert (begin.hour, begin.minute, begin.second, begin.microsecond) == (0, 0, 0, 0)
    assert all(timedelta(0) < end - begin <= timedelta(days=7) for begin, end in found)
