"""Calibrated anew when the readings are gone: bins are what they would be with them, to a bin."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from contracts.reading import Reading
from hub.database.database import Database
from hub.readings.repository import Bins, ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from tests.hub.ingest.test_ingest import key, stored
from tests.hub.readings.test_readings import rolled
from tests.support import seeds

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
OLD = TODAY - timedelta(days=60)  # when the readings begin; those before `KEPT` go
KEPT = TODAY - timedelta(days=30)
FROM, TO = OLD - timedelta(days=1), TODAY + timedelta(days=1)
WIDTHS = ((Bins.HOUR, timedelta(hours=1)), (Bins.DAY, timedelta(days=1)))


class Known:
    """What a person knows of a series: what was measured, and what was said about it."""

    def __init__(self, store: Database, rng: random.Random) -> None:
        self.readings = ReadingRepository(store.of("home"))
        times = [OLD + timedelta(days=rng.uniform(0, 59)) for _ in range(400)]
        # Several in an hour, so that an edge within it tells them apart.
        times += [at + timedelta(minutes=rng.uniform(1, 50)) for at in times[:200]]
        self.raw = sorted((at, rng.uniform(-20, 40)) for at in times)
        self.said: list[tuple[datetime | None, datetime | None, float, float]] = []

    async def calibrate(self, gain=1.0, offset=0.0, since=None, until=None):
        holds = await self.readings.calibrate(
            key(), gain=gain, offset=offset, since=since, until=until
        )
        self.said.append((*holds, gain, offset))
        return holds

    def calibrated(self) -> list[tuple[datetime, float]]:
        found = []
        for at, raw in self.raw:
            gain, offset = 1.0, 0.0
            for since, until, g, o in self.said:  # the last one counts
                if (since is None or since <= at) and (until is None or at < until):
                    gain, offset = g, o
            found.append((at, gain * raw + offset))
        return found

    async def check(self) -> None:
        expected = self.calibrated()
        for bins, width in WIDTHS:
            assert await self.readings.bins(key(), FROM, TO, bins) == rolled(expected, width)


async def expire(store, days=30, hourly=None):
    await set_retention(store.of("home"), RetentionRule(days, hourly), key())
    await remove_expired(store, dry=False)


@pytest.fixture
async def known(store: Database):
    seed = seeds.seed()
    rng = random.Random(seed)
    known = Known(store, rng)
    known.rng = rng
    await stored(store, [Reading(key(), raw, at) for at, raw in known.raw])
    return known


async def test_every_calibration_is_transformed_exactly(store, known):
    rng = known.rng
    for _ in range(3):
        await known.calibrate(
            rng.choice([-1.5, 0.5, 2]), rng.uniform(-5, 5),
            since=rng.choice([None, OLD + timedelta(days=rng.uniform(0, 50))]),
        )  # fmt: skip
    await known.check()
    await expire(store)
    await known.check()
    # Also bins that two calibrations share, from when the readings were there.
    await known.calibrate(3, -1)
    await known.check()
    await known.calibrate()  # reversed
    await known.check()
    for _ in range(6):
        since = OLD + timedelta(days=rng.uniform(0, 55))
        await known.calibrate(
            rng.choice([-2, 0.25, 1.1]), rng.uniform(-9, 9), since=since,
            until=rng.choice([None, since + timedelta(days=rng.uniform(0.1, 9))]),
        )  # fmt: skip
        await known.check()


async def test_it_holds_from_the_edge_of_a_bin_where_the_readings_are_gone(store, known):
    at = known.raw[100][0].replace(minute=0, second=0, microsecond=0)
    inside = at + timedelta(minutes=23, seconds=45)
    assert await known.calibrate(2, since=inside) == (inside, None)  # they are there
    await known.calibrate()
    await expire(store)
    hour = (at, at + timedelta(hours=1))
    assert await known.calibrate(2, since=inside, until=inside + timedelta(minutes=1)) == hour
    await known.check()
    assert await known.calibrate(3, since=at) == (at, None)
    recent = TODAY - timedelta(days=3, minutes=7)
    assert await known.calibrate(4, since=recent) == (recent, None)
    await known.check()
    # The hours go as well: then days are the smallest that can be told apart.
    await expire(store, 20, 25)
    day = at.replace(hour=0)
    expected = (day, day + timedelta(days=1))
    assert await known.calibrate(5, since=inside, until=inside + timedelta(minutes=9)) == expected
    days = await known.readings.bins(key(), FROM, TO, Bins.DAY)
    assert days == rolled(known.calibrated(), timedelta(days=1))


async def test_a_late_reading_of_a_time_whose_readings_are_gone_is_in_its_bin(store, known):
    await known.calibrate(2, 1)
    await expire(store)
    at = known.raw[50][0]
    late = (at + timedelta(seconds=1), 17.5)
    await stored(store, [Reading(key(), late[1], late[0])])
    known.raw = sorted([*known.raw, late])
    await known.check()
    await known.calibrate(-3, 4)
    await known.check()


async def test_a_series_that_was_never_calibrated_keeps_nothing_twice(store, known):
    async with store.of("home").transaction() as conn:
        row = await (
            await conn.execute(
                "SELECT count(*), count(raw_total), count(raw_last) FROM dormouse.hourly"
            )
        ).fetchone()
    assert row[0] > 0
    assert row[1:] == (0, 0)
