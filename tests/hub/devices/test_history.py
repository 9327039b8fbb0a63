from __future__ import annotations

import asyncio
import random
from datetime import datetime

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from hub.database.database import Database
from hub.database.errors import NoActivityError, NoSessionError
from hub.models import Activity, DeviceRow, DeviceThen, LocationHistory, Place, Tick, then
from hub.models.sessions import TenantSessions
from tests.support import seeds

MOVE = Activity("ann", "moved house")


@pytest.fixture
async def sessions(store: Database):
    async with TenantSessions(store) as found:
        yield found


async def make(session: AsyncSession, key: str = "d1", **properties) -> DeviceRow:
    device = DeviceRow(key=key, **properties)
    session.add(device)
    await session.flush()
    return device


async def instant(session: AsyncSession) -> datetime:
    return (await session.execute(select(func.clock_timestamp()))).scalar_one()


async def ticks(session: AsyncSession, device: DeviceRow) -> list[int]:
    query = select(Tick.tick).where(Tick.device_id == device.id).order_by(Tick.tick)
    return list(await session.scalars(query))


async def test_a_tick_changes_the_location_and_its_history(sessions: TenantSessions):
    async with sessions.tenant("home") as session:
        new_york, san_francisco = Place(name="New York"), Place(name="San Francisco")
        session.add_all([new_york, san_francisco])
        device = await make(session, location=new_york)
        async with device.clock_tick(MOVE):
            device.location = san_francisco
        history = await device.awaitable_attrs.location_history
        assert [h.value for h in history] == [new_york.id, san_francisco.id]
        assert [h.ticks for h in history] == [Range(1, 2), Range(2, None)]
        assert history[1].value == device.location_id
        async with device.clock_tick(MOVE):
            device.location = new_york
        # What was loaded is fresh without being asked for again.
        assert [h.value for h in device.location_history][2:] == [new_york.id]


async def test_an_empty_tick_makes_none(sessions: TenantSessions):
    async with sessions.tenant("home") as session:
        device = await make(session, name="a")
        async with device.clock_tick(MOVE):
            pass
        async with device.clock_tick(MOVE):
            device.name = "a"
        assert await ticks(session, device) == [1]
        assert (await session.execute(select(func.count()).select_from(Tick))).scalar_one() == 1


async def test_several_properties_change_in_one_tick(sessions: TenantSessions):
    async with sessions.tenant("home") as session:
        device = await make(session, name="a", interval_s=300)
        async with device.clock_tick(MOVE):
            device.name, device.interval_s, device.owner = "b", 60, "ann"
        assert await ticks(session, device) == [1, 2]
        found = await device.changes(device.created_at, await instant(session))
        assert [(c.tick, c.property, c.before, c.after, c.who, c.why) for c in found] == [
            (1, "name", None, "a", None, None),
            (1, "interval_s", None, 300, None, None),
            (2, "name", "a", "b", "ann", "moved house"),
            (2, "interval_s", 300, 60, "ann", "moved house"),
            (2, "owner", None, "ann", "ann", "moved house"),
        ]
        assert await device.changes(found[-1].at, await instant(session)) == []


async def test_a_change_without_an_activity_is_refused(sessions: TenantSessions):
    with pytest.raises(NoActivityError, match="device d1: name changed without an activity"):
        async with sessions.tenant("home") as session:
            device = await make(session, name="a")
            device.name = "b"
            await session.flush()
    with pytest.raises(NoActivityError):
        async with sessions.tenant("home") as session:
            device = await make(session, name="a")
            async with device.clock_tick(None):  # type: ignore[arg-type]
                device.name = "b"


async def test_a_block_that_raises_changes_nothing(sessions: TenantSessions):
    async with sessions.tenant("home") as session:
        device = await make(session, name="a")
        with pytest.raises(ZeroDivisionError):
            async with device.clock_tick(MOVE):
                device.name = "b"
                raise ZeroDivisionError
        await session.refresh(device)
        assert device.name == "a"
        assert await ticks(session, device) == [1]


async def test_a_device_without_a_session_has_no_clock():
    with pytest.raises(NoSessionError):
        async with DeviceRow(key="d1").clock_tick(MOVE):
            pass


async def test_as_of_answers_every_past_state(sessions: TenantSessions):
    async with sessions.tenant("home") as session:
        before = await instant(session)
        device = await make(session, name="a", interval_s=300)
        moments = [(await instant(session), "a", 300)]
        for name, interval in [("b", 300), ("b", 60), ("c", 10)]:
            async with device.clock_tick(MOVE):
                device.name, device.interval_s = name, interval
            moments.append((await instant(session), name, interval))
        for moment, name, interval in moments:
            found = (await session.scalars(DeviceRow.as_of(moment))).one()
            assert (found.id, found.name, found.interval_s) == (device.id, name, interval)
        assert (await session.scalars(DeviceRow.as_of(before))).all() == []
        (one,) = await session.scalars(DeviceRow.as_of(moments[1][0], device.id))
        assert one.name == "b"
        past = then(moments[1][0])
        one = await session.scalars(select(past).where(past.id == device.id, past.name == "b"))
        assert isinstance(one.one(), DeviceThen)


async def test_deletes_are_recorded(sessions: TenantSessions):
    async with sessions.tenant("home") as session:
        device = await make(session, name="a")
        there = await instant(session)
        await session.delete(device)
        await session.flush()
        gone = await instant(session)
        assert [d.name for d in await session.scalars(DeviceRow.as_of(there))] == ["a"]
        assert (await session.scalars(DeviceRow.as_of(gone))).all() == []
        last = (await session.scalars(select(Tick).order_by(Tick.tick.desc()))).first()
        assert (last.tick, last.deleted) == (2, True)


async def test_sql_past_the_package_leaves_history_too(store: Database, sessions: TenantSessions):
    async with store.of("home").transaction() as conn:
        await conn.execute(
            "INSERT INTO dormouse.device (key, name) SELECT 'd' || n, 'old' "
            "FROM generate_series(1, 50) n"
        )
    async with store.of("home").transaction() as conn:
        await conn.execute("UPDATE dormouse.device SET name = 'new' WHERE key <> 'd1'")
        await conn.execute("UPDATE dormouse.device SET name = 'newer' WHERE key = 'd2'")
    async with store.of("home").transaction() as conn:
        rows = await (
            await conn.execute(
                """SELECT d.key, h.ticks::text, h.value FROM dormouse.device d
                   JOIN dormouse.device_name_history h ON h.device_id = d.id
                   WHERE d.key IN ('d1', 'd2', 'd3') ORDER BY d.key, h.ticks"""
            )
        ).fetchall()
        assert rows == [
            ("d1", "[1,)", "old"),
            ("d2", "[1,2)", "old"),
            ("d2", "[2,)", "newer"),  # one transaction, one tick
            ("d3", "[1,2)", "old"),
            ("d3", "[2,)", "new"),
        ]
        await assert_history_whole(conn)


async def test_history_cannot_be_written(store: Database):
    for statement in (
        "UPDATE dormouse.device_name_history SET value = 'x'",
        "DELETE FROM dormouse.tick",
        "INSERT INTO dormouse.tick (device_id, tick, at) VALUES (1, 1, now())",
    ):
        with pytest.raises(Exception, match="permission denied"):
            async with store.of("home").transaction() as conn:
                await conn.execute(statement)


async def assert_history_whole(conn) -> None:
    """Ranges of a device never overlap, have no gaps, and the open one equals the row."""
    for column in ("name", "location_id", "interval_s", "owner", "firmware"):
        faults = await (
            await conn.execute(f"""
            WITH h AS (SELECT *, lead(ticks) OVER w AS next, lag(ticks) OVER w AS before
                       FROM dormouse.device_{column}_history WINDOW w AS
                       (PARTITION BY device_id ORDER BY ticks))
            SELECT h.device_id, h.ticks, h.next, h.value, d.{column}
            FROM h LEFT JOIN dormouse.device d ON d.id = h.device_id
            WHERE (h.before IS NULL AND lower(h.ticks) <> 1)
               OR (h.next IS NOT NULL AND upper(h.ticks) IS DISTINCT FROM lower(h.next))
               OR (h.next IS NULL AND NOT upper_inf(h.ticks))
               OR (h.next IS NULL AND h.value IS DISTINCT FROM d.{column})
            """)
        ).fetchall()
        assert faults == []
    gaps = await conn.execute(
        """SELECT device_id FROM dormouse.tick GROUP BY device_id
           HAVING count(*) <> max(tick) OR min(tick) <> 1
               OR count(DISTINCT at) <> count(*)"""
    )
    assert await gaps.fetchall() == []


async def test_eight_writers_leave_whole_histories(store: Database, sessions: TenantSessions):
    seed = seeds.seed()
    rng = random.Random(seed)
    async with sessions.tenant("home") as session:
        for n in range(6):
            await make(session, f"d{n}", name="start")

    async def writer(rng: random.Random) -> None:
        for _ in range(15):
            name = f"n{rng.randrange(5)}"
            keys = sorted(rng.sample([f"d{n}" for n in range(6)], rng.randint(1, 3)))
            if rng.random() < 0.5:
                async with sessions.tenant("home") as session:
                    query = select(DeviceRow).where(DeviceRow.key == keys[0]).with_for_update()
                    device = (await session.scalars(query)).one()
                    async with device.clock_tick(MOVE):
                        device.name, device.interval_s = name, rng.choice([None, 60, 300])
                    if rng.random() < 0.2:
                        await session.rollback()
            else:
                async with store.of("home").transaction() as conn:
                    # Rows are locked in one order, as everyone who changes several must.
                    await conn.execute(
                        """UPDATE dormouse.device SET name = %s, owner = %s WHERE id IN
                           (SELECT id FROM dormouse.device WHERE key = ANY(%s)
                            ORDER BY id FOR UPDATE)""",
                        [name, rng.choice(["ann", "bob"]), keys],
                    )
                    if rng.random() < 0.2:
                        await conn.rollback()
                    else:
                        await asyncio.sleep(rng.random() * 0.003)

    await asyncio.gather(*(writer(random.Random(rng.random())) for _ in range(8)))
    async with store.of("home").transaction() as conn:
        await assert_history_whole(conn)
        count = await (await conn.execute("SELECT count(*) FROM dormouse.tick")).fetchone()
        assert count[0] > 30


async def test_bulk_orm_update_leaves_history(sessions: TenantSessions, store: Database):
    async with sessions.tenant("home") as session:
        place = Place(name="attic")
        session.add(place)
        for n in range(20):
            await make(session, f"d{n}")
        await session.execute(update(DeviceRow).values(location_id=place.id))
        values = await session.scalars(
            select(LocationHistory.value).where(LocationHistory.ticks.contains(2))
        )
        assert set(values) <= {place.id}
    async with store.of("home").transaction() as conn:
        await assert_history_whole(conn)
