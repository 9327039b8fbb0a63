"""Postgres killed with SIGKILL, again and again: nothing acknowledged is lost, all is whole."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from datetime import timedelta
from pathlib import Path

import psycopg

from contracts.reading import Identity, Reading
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.ingest.ingest import Ingest
from hub.readings.repository import ReadingRepository
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from hub.upkeep.packing import Packing
from tests.hub.ingest.test_ingest import NOW, key
from tests.support import seeds

KILLS = 4


async def kill(postgres: Postgres, rng: random.Random) -> None:
    """SIGKILL at some moment; back when it answers again."""
    await asyncio.sleep(rng.uniform(0.05, 0.3))
    first = postgres.pid
    if first is not None:
        os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(60):
        while postgres.pid in {first, None} or not await answers(postgres):
            await asyncio.sleep(0.02)


async def answers(postgres: Postgres) -> bool:
    try:
        await (await psycopg.AsyncConnection.connect(postgres.app_url)).close()
    except psycopg.OperationalError:
        return False
    return True


async def insistently(work) -> None:
    """Do it again until the database was there all the while."""
    while True:
        try:
            return await work()
        except (DatabaseAwayError, psycopg.errors.InternalError_):
            await asyncio.sleep(0.02)


async def assert_rollups_are_of_the_readings(store: Database) -> None:
    """Rollups equal recomputation."""
    async with store.of("home").transaction() as conn:
        for table, width in (("hourly", "1 hour"), ("daily", "1 day")):
            wrong = await conn.execute(
                f"""SELECT r.series_id, r.start, r.n, c.n FROM dormouse.{table} r
                    FULL JOIN (SELECT series_id, date_bin('{width}', at, '2000-01-01Z') AS start,
                          count(*) AS n, sum(value) AS total, min(value) AS low, max(value) AS high
                     FROM dormouse.calibrated GROUP BY 1, 2) c
                    ON c.series_id = r.series_id AND c.start = r.start
                    -- What is older may be expired in part.
                    WHERE coalesce(r.start, c.start) > now() - interval '20 days'
                      AND (r.n IS NULL OR c.n IS NULL OR c.n <> r.n OR c.low <> r.low
                           OR c.high <> r.high OR abs(c.total - r.total) > 1e-6 * r.n)"""
            )
            assert await wrong.fetchall() == []


async def test_killed_during_ingest_calibration_and_retention(server_folder: Path):
    seed = seeds.seed()
    rng = random.Random(seed)
    sent: list[Reading] = []
    done: set[int] = set()
    # fsync stays on: what was committed must come out of the log again.
    async with Postgres(server_folder / f"crash-{os.getpid()}") as postgres:
        await migrate(postgres.owner_url)
        async with Database(postgres.app_url) as store:
            ingest = Ingest(store.of("home"), linger=0.002)
            await ingest.start()
            await set_retention(store.of("home"), RetentionRule(30, None, None))
            stop = asyncio.Event()

            async def send() -> None:
                while not stop.is_set():
                    days = rng.choice([0, 0, 0, 1, 100])
                    at = NOW - timedelta(days=days, seconds=rng.randrange(7200))
                    reading = Reading(
                        key(f"d{rng.randrange(3)}"), rng.uniform(-9, 9), at,
                        Identity("b", len(sent) + 1),
                    )  # fmt: skip
                    number = len(sent)
                    sent.append(reading)
                    ingest.put([reading], lambda number=number: done.add(number))
                    if rng.random() < 0.05 and sent:
                        # Sent again, as a device does that has not seen an acknowledgement.
                        ingest.put([rng.choice(sent)], lambda: None)
                    await asyncio.sleep(0.001)

            async def meddle() -> None:
                while not stop.is_set():
                    await insistently(lambda: remove_expired(store, dry=False))
                    await insistently(Packing(store, 1).run)
                    gain = rng.choice([0.5, 1.0, 2.0])
                    if len(done) > 50:
                        await insistently(
                            lambda gain=gain: ReadingRepository(store.of("home")).calibrate(
                                sent[0].series, gain=gain, since=NOW - timedelta(hours=1)
                            )
                        )
                    await asyncio.sleep(0.05)

            workers = [asyncio.create_task(send()), asyncio.create_task(meddle())]
            for _ in range(KILLS):
                await kill(postgres, rng)
                acknowledged = set(done)
                await insistently(lambda a=acknowledged: assert_stored(store, sent, a))
            stop.set()
            await asyncio.gather(*workers)
            await ingest.stop(timeout=60)
            assert len(done) == len(sent) > 100
            await assert_stored(store, sent, done)
            await assert_rollups_are_of_the_readings(store)
            assert postgres.restarts >= KILLS


async def assert_stored(store: Database, sent: list[Reading], acknowledged: set[int]) -> None:
    """Each acknowledged reading is held and, unless expired, there exactly once."""
    async with store.of("home").transaction() as conn:
        rows = await conn.execute(
            """SELECT v.key, r.at, r.value FROM dormouse.every_reading r
               JOIN dormouse.series s ON s.id = r.series_id
               JOIN dormouse.device v ON v.id = s.device_id"""
        )
        there = [(device, at, value) for device, at, value in await rows.fetchall()]
        held = await conn.execute(
            """SELECT v.key, n FROM dormouse.delivery d
               JOIN dormouse.device v ON v.id = d.device_id,
               unnest(d.seqs) AS range, generate_series(lower(range), upper(range) - 1) AS n"""
        )
        numbers = {(device, n) for device, n in await held.fetchall()}
    assert len(there) == len(set(there)), "stored twice"
    stored = set(there)
    for number in acknowledged:
        reading = sent[number]
        assert (reading.series.device, reading.identity.seq) in numbers
        if reading.at > NOW - timedelta(days=20):
            assert (reading.series.device, reading.at, reading.value) in stored
