"""Old readings packed: to the last bit the same, in a tenth of the room, however it is cut off."""

from __future__ import annotations

import asyncio
import math
import random
import struct
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from contracts.reading import Reading
from hub.database.database import Database
from hub.database.recreate import count_readings
from hub.ingest.redating import Redating
from hub.readings.retention import RetentionRule, remove_expired, set_retention
from hub.upkeep.packing import Packing, packed_of
from hub.upkeep.service import Upkeep
from tests.hub.ingest.test_ingest import batch, key, stored
from tests.hub.ingest.test_redating import KEY as CELLAR
from tests.hub.ingest.test_redating import Now
from tests.hub.ingest.test_redating import put as dated
from tests.support import seeds
from tests.support.broker import until

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = TODAY - timedelta(days=40)
EVERY = """SELECT s.characteristic, r.at, float8send(r.value), r.text FROM dormouse.every_reading r
           JOIN dormouse.series s ON s.id = r.series_id
           ORDER BY 1, r.at, r.nth, r.row_id"""


async def asked(store: Database, query: str, values: Sequence = (), tenant: str = "home") -> list:
    async with store.of(tenant).transaction() as conn:
        return await (await conn.execute(query, values or None)).fetchall()


async def put(store: Database, kind: str, readings: Sequence[tuple[datetime, float | str]]) -> None:
    """Into a series of its own, past what refuses numbers that no sensor gives."""
    await stored(store, [Reading(key(characteristic=kind), "" if isinstance(readings[0][1], str)
                                 else 0.0, TODAY)])  # fmt: skip
    async with store.of("home").transaction() as conn:
        for month in {at.strftime("%Y-%m-15Z") for at, _ in readings}:
            await conn.execute("SELECT dormouse.ensure_partition(%s)", [month])
        await conn.execute(
            "INSERT INTO dormouse.reading (series_id, at, value, text) SELECT s.id, r.* "
            "FROM unnest(%s::timestamptz[], %s::float8[], %s::text[]) AS r, dormouse.series s "
            "WHERE s.characteristic = %s",
            [
                [at for at, _ in readings],
                [None if isinstance(value, str) else value for _, value in readings],
                [value if isinstance(value, str) else None for _, value in readings],
                kind,
            ],
        )


def days_of(rng: random.Random) -> dict[str, list[tuple[datetime, float | str]]]:
    """A day of each kind of values and of times."""
    second = timedelta(seconds=1)
    even = [DAY + n * 300 * second for n in range(288)]
    jitter = [at + timedelta(microseconds=rng.randrange(3_000_000)) for at in even]
    walk = [round(20 + rng.gauss(0, 0.3), 2) for _ in even]
    bits = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(200)]
    odd = [-0.0, 0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 1.7976931348623157e308]
    return {
        "Hundredths": list(zip(jitter, walk, strict=True)),
        # A gap of more than 36 minutes, and some of hours.
        "Pause": [
            (at, v)
            for n, (at, v) in enumerate(zip(jitter, walk, strict=True))
            if not 100 <= n < 112
        ],
        "Pauses": [
            (at, v)
            for n, (at, v) in enumerate(zip(jitter, walk, strict=True))
            if not (40 <= n < 100 or 150 <= n < 180)
        ],
        "Constant": [(at, 1.0) for at in even],
        "Doubles": [(at, rng.uniform(-1e6, 1e6)) for at in jitter],
        "Fahrenheit": [(at, (rng.randrange(60, 70) - 32) / 1.8) for at in jitter],
        "Counter": [(at, 9e15 - 288 + n) for n, at in enumerate(even)],
        "Jumps": [(at, float(rng.choice([0, 3_000_000, -2_000_000_000]))) for at in even],
        "FarJumps": [(at, float(rng.randrange(-(10**12), 10**12))) for at in even],
        "Bits": [(even[n], value) for n, value in enumerate(bits) if not math.isnan(value)],
        "Odd": [(even[n], value) for n, value in enumerate([*odd, *odd[::-1]])],
        "Same": [(DAY, value) for value in (3.5, -0.0, 0.0, 3.5, 1.25)],
        "Rare": [(DAY + timedelta(hours=23, microseconds=1), 7.5), (DAY, 2.0)],
        "Millions": [(at, rng.randrange(10**9) / 1e6) for at in even],
        "States": [(at, rng.choice(["open", "closed", "Ö", ""])) for at in jitter],
        "Names": [(at, rng.randbytes(9).hex()) for at in jitter],
        "Single": [(DAY + timedelta(days=1, microseconds=-1), -273.15)],
        "Seconds": [(DAY + n * second, float(n % 7)) for n in range(3000)],
    }


async def test_every_bit_is_the_same_in_a_tenth_of_the_room(store: Database):
    kinds = days_of(random.Random(seeds.seed()))
    for kind, readings in kinds.items():
        await put(store, kind, readings)
    before = await asked(store, EVERY)
    run = await Packing(store, 30).run()
    assert run is not None
    assert (run.readings, run.unfinished) == ({"home": sum(map(len, kinds.values()))}, False)
    assert await asked(store, EVERY) == before
    # Today's alone are rows of their own still.
    assert await asked(store, "SELECT count(*) FROM dormouse.reading") == [(len(kinds),)]
    sizes = dict(await asked(
        store,
        "SELECT s.characteristic, sum(pg_column_size(p.*))::float8 / sum(n) "
        "FROM dormouse.packed_day p JOIN dormouse.series s ON s.id = p.series_id GROUP BY 1",
    ))  # fmt: skip
    # 40 bytes of the index and the row's place go with a day.
    for kind in (
        "Hundredths", "Pause", "Pauses", "Constant", "Fahrenheit", "Counter", "Jumps", "Millions",
        "Seconds",
    ):  # fmt: skip
        assert sizes[kind] + 40 / len(kinds[kind]) <= 10, (kind, sizes[kind])
    assert sizes["Pause"] < sizes["Pauses"] < sizes["Pause"] + 2.5
    # Once more there is nothing to do.
    run = await Packing(store, 30).run()
    assert run is not None
    assert run.readings == {}
    assert await Packing(store, 0).run() is None


async def test_late_ones_join_their_day_and_are_not_told_twice(store: Database):
    sent = [batch(n, 20 + n / 8) for n in range(1, 9)]
    old = [
        Reading(one.series, one.value, DAY + timedelta(hours=n), one.identity)
        for n, one in enumerate(sent)
    ]
    await stored(store, old[:3] + old[5:])
    packing = Packing(store, 30)
    assert (await packing.run()).readings == {"home": 6}
    assert (await stored(store, old)).counts == {"held": 6, "stored": 2}
    before = await asked(store, EVERY)
    assert [at for _, at, _, _ in before] == [one.at for one in old]
    assert (await packing.run()).readings == {"home": 2}
    assert await asked(store, EVERY) == before
    found = await packed_of(store.of("home"))
    assert (found.days, found.readings) == (1, 8)
    assert (found.since, found.until) == (DAY, DAY + timedelta(days=1))
    assert (await stored(store, old)).counts == {"held": 8}
    assert await asked(store, "SELECT at, value FROM dormouse.latest") == [(old[-1].at, 21.0)]


async def test_packed_days_go_by_rule_and_empty_months_as_a_whole(store: Database, database):
    await store.ensure_tenant("beach")
    # None of them becomes old of a midnight that passes meanwhile.
    days = [TODAY - timedelta(days=n, hours=-3) for n in range(98, 0, -5)]
    for tenant in ("home", "beach"):
        await stored(store, [Reading(key(), float(n), at) for n, at in enumerate(days)], tenant)
    upkeep = Upkeep(store, None, packing=Packing(store, 30))
    run = await upkeep.run()
    assert run.problem == ""
    old = [at for at in days if at < TODAY - timedelta(days=30)]
    assert run.packed is not None
    assert run.packed.readings == {"home": len(old), "beach": len(old)}
    # A month that ended before what is packed has no table any more, and gets one for a late one.
    assert f"reading_{days[0]:%Y_%m}" in run.packed.months
    names = {month.name for month in await upkeep.months()}
    assert not names & set(run.packed.months)
    late = days[0] + timedelta(minutes=1)
    await stored(store, [Reading(key(), 0.5, late)])
    assert await count_readings(database.owner_url) == 2 * len(days) + 1

    await set_retention(store.of("home"), RetentionRule(60))
    kept = [at for at in days if at >= TODAY - timedelta(days=60)]
    for dry in (True, False):
        _, expired = await remove_expired(store, dry=dry)
        assert {(one.tenant, one.what, one.rows) for one in expired} == {
            ("home", "reading", len(days) + 1 - len(kept))
        }
    at = "SELECT at FROM dormouse.calibrated ORDER BY 1"
    assert [row[0] for row in await asked(store, at)] == kept
    assert [row[0] for row in await asked(store, at, tenant="beach")] == days


_PACK = """
import asyncio, sys
from hub.database.database import Database
from hub.upkeep.packing import Packing

async def main():
    async with Database(sys.argv[1]) as store:
        await Packing(store, 30).run()

asyncio.run(main())
"""


async def test_killed_at_any_moment_nothing_is_lost_or_doubled(store: Database, database):
    rng = random.Random(seeds.seed())
    for kind in ("A", "B", "C"):
        await put(store, kind, [
            (DAY - timedelta(days=d, minutes=-rng.randrange(1440)), round(rng.uniform(0, 9), 2))
            for d in range(300) for _ in range(5)
        ])  # fmt: skip
    before = await asked(store, EVERY)
    for kill in (1, 2, 3):
        packer = await asyncio.create_subprocess_exec(sys.executable, "-c", _PACK, database.app_url)
        goal = 250 * kill

        async def far_enough(goal: int = goal) -> bool:
            ((n,),) = await asked(store, "SELECT count(*) FROM dormouse.packed_day")
            return n >= goal

        await until(far_enough)
        packer.kill()
        await packer.wait()
        assert await asked(store, EVERY) == before
    run = await Packing(store, 30).run()
    assert run is not None
    assert 0 < run.days["home"] < 900
    assert await asked(store, EVERY) == before
    assert await asked(store, "SELECT count(*) FROM dormouse.packed_day") == [(900,)]


async def test_what_a_wrong_clock_dated_is_found_in_packed_days(store: Database):
    machine = Now(-400 * 86400)
    clock = machine.clock()
    sent = []
    for n in range(4):
        machine.passes(60)
        sent.append(machine.true(clock))
        await dated(store, [Reading(CELLAR, float(n), clock.now(), None, clock=clock.reference)])
    right = DAY + timedelta(hours=1)
    await dated(store, [Reading(CELLAR, 9.0, right)], settled=True)
    assert (await Packing(store, 30).run()).readings == {"home": 5}
    machine.wrong = 0
    clock.check()
    redating = Redating(store, clock)
    await redating._redate()
    assert redating.redated == 4
    found = await asked(store, "SELECT value, at FROM dormouse.every_reading ORDER BY value")
    assert [value for value, _ in found] == [0, 1, 2, 3, 9]
    for (_, at), true in zip(found, [*sent, right], strict=True):
        assert abs((at - true).total_seconds()) < 1
    assert await asked(store, "SELECT value FROM dormouse.latest") == [(3.0,)]


async def test_months_are_told_by_their_names_alone(database):
    """Whatever relation Postgres looks at first, its name is no reason to give up."""
    names = ["reading_2026_03", "retention_pkey", "reading_by_series", "reading_2026_3x", "notes"]
    async with await psycopg.AsyncConnection.connect(database.owner_url) as conn:
        rows = await conn.execute(
            "SELECT name, dormouse.month_of_partition(name) FROM unnest(%s::name[]) AS name",
            [names],
        )
        assert [row[1] for row in await rows.fetchall()] == [
            datetime(2026, 3, 1, tzinfo=UTC), None, None, None, None,
        ]  # fmt: skip
