from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from contracts.reading import Reading as Measured
from hub.database.database import Database
from hub.database.errors import CycleError, DuplicateNameError, ForeignRowError, OverlapError
from hub.models import Activity, DeviceRow, Place, Placement, ReadingRow
from hub.models.sessions import TenantSessions
from hub.places.repository import PlaceRepository
from tests.hub.ingest.test_ingest import NOW, key, stored
from tests.support import seeds

MOVE = Activity("ann", "moved house")


@pytest.fixture
async def sessions(store: Database):
    async with TenantSessions(store) as found:
        yield found


def names(tree):
    return [{"name": p["name"], "children": names(p["children"])} for p in tree] if tree else tree


async def test_an_empty_tree_is_an_empty_array(store: Database):
    assert await PlaceRepository(store.of("home")).tree() == []


async def test_nested_json_with_several_roots(store: Database):
    places = PlaceRepository(store.of("home"))
    house = await places.add("house")
    await places.add("beach house")
    upstairs = await places.add("upstairs", house)
    await places.add("kitchen", house)
    await places.add("bath", upstairs)
    assert names(await places.tree()) == [
        {"name": "beach house", "children": None},
        {"name": "house", "children": [
            {"name": "kitchen", "children": None},
            {"name": "upstairs", "children": [{"name": "bath", "children": None}]},
        ]},
    ]  # fmt: skip


def reference(rows: list[tuple[int, str, int | None]], parent: int | None = None):
    """The tree by the plain rule: a place's children are those that name it as parent."""
    found = [
        {"id": number, "name": name, "zone": None, "children": reference(rows, number)}
        for number, name, above in sorted(rows, key=lambda row: (row[1], row[0]))
        if above == parent
    ]
    return found or (None if parent is not None else [])


# The fixture is shared by the examples on purpose: each empties the table first.
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parents=st.lists(st.floats(0, 1, exclude_max=True), max_size=25),
    roots=st.floats(0, 1),
)
async def test_the_tree_is_the_reference_tree(store: Database, parents: list[float], roots: float):
    # Each place hangs below an earlier one, or is a root: every forest can be made so.
    shape = [
        None if n == 0 or p < roots * 0.3 else int(p * n) for n, p in enumerate(parents)
    ]  # fmt: skip
    rows: list[tuple[int, str, int | None]] = []
    async with store.of("home").transaction() as conn:
        await conn.execute("DELETE FROM dormouse.place")
        for n, above in enumerate(shape):
            parent = None if above is None else rows[above][0]
            made = await conn.execute(
                "INSERT INTO dormouse.place (name, parent_id) VALUES (%s, %s) RETURNING id",
                [f"p{(n * 7) % 26:02}", parent],
            )
            rows.append(((await made.fetchone())[0], f"p{(n * 7) % 26:02}", parent))
    assert await PlaceRepository(store.of("home")).tree() == reference(rows)


async def test_a_cycle_is_refused(store: Database):
    places = PlaceRepository(store.of("home"))
    a = await places.add("a")
    b = await places.add("b", a)
    c = await places.add("c", b)
    for below in (a, b, c):
        with pytest.raises(CycleError, match='place "a" cannot lie below itself'):
            await places.move(a, below)
    await places.move(b, None)
    assert names(await places.tree()) == [
        {"name": "a", "children": None},
        {"name": "b", "children": [{"name": "c", "children": None}]},
    ]


async def test_refusals_are_typed(store: Database):
    places = PlaceRepository(store.of("home"))
    a = await places.add("a")
    with pytest.raises(DuplicateNameError):
        await places.add("a")
    with pytest.raises(ForeignRowError):
        await places.add("b", 10**6)
    with pytest.raises(ForeignRowError, match="no place 1000000"):
        await places.rename(10**6, "x")
    with pytest.raises(ForeignRowError, match="no device 'd9'"):
        await places.record("d9", a, NOW, NOW + timedelta(days=1))


async def test_the_tree_has_latest_values_when_asked(store: Database, sessions: TenantSessions):
    places = PlaceRepository(store.of("home"))
    attic = await places.add("attic")
    await stored(store, [
        Measured(key(), 20.5, NOW),
        Measured(key(characteristic="On"), True, NOW),
        Measured(key("elsewhere"), 1.0, NOW),
    ])  # fmt: skip
    async with sessions.tenant("home") as session:
        device = (await session.scalars(select(DeviceRow).where(DeviceRow.key == "d1"))).one()
        async with device.clock_tick(MOVE):
            device.location_id = attic
    (found,) = await places.tree(values=True)
    (shown,) = found["devices"]
    assert shown["device"] == "d1"
    assert {name: v["value"] for name, v in shown["values"].items()} == {
        "TemperatureSensor/CurrentTemperature": 20.5,
        "TemperatureSensor/On": True,
    }


async def test_a_device_is_in_one_place_at_a_time(store: Database, sessions: TenantSessions):
    places = PlaceRepository(store.of("home"))
    a, b = await places.add("a"), await places.add("b")
    async with sessions.tenant("home") as session:
        device = DeviceRow(key="d1", location_id=a)
        session.add(device)
        await session.flush()
        later = datetime.now(UTC) + timedelta(minutes=30)
        async with device.clock_tick(MOVE, since=later):
            device.location_id = b
        query = select(Placement).order_by(Placement.during)
        first, second = (await session.scalars(query)).all()
        assert (first.location_id, second.location_id) == (a, b)
        assert first.during.upper == second.during.lower == later
    with pytest.raises(OverlapError, match="a device is in one place at a time"):
        await places.record("d1", a, NOW - timedelta(days=1), NOW + timedelta(days=1))
    await places.record("d1", b, NOW - timedelta(days=2), NOW - timedelta(days=1))


async def test_a_move_told_later_gives_no_other_up(store: Database, sessions: TenantSessions):
    places = PlaceRepository(store.of("home"))
    a, b, c = await places.add("a"), await places.add("b"), await places.add("c")
    async with sessions.tenant("home") as session:
        device = DeviceRow(key="d1")
        session.add(device)
        await session.flush()
        for days, place in ((9, a), (5, b)):
            async with device.clock_tick(MOVE, since=NOW - timedelta(days=days)):
                device.location_id = place
    with pytest.raises(OverlapError, match="d1 was moved again later"):
        async with sessions.tenant("home") as session:
            device = (await session.scalars(select(DeviceRow))).one()
            async with device.clock_tick(MOVE, since=NOW - timedelta(days=8)):
                device.location_id = c
    with pytest.raises(OverlapError, match="d2 was moved again later"):
        async with sessions.tenant("home") as session:
            new = DeviceRow(key="d2", location_id=a)
            session.add(new)
            await session.flush()
            async with new.clock_tick(MOVE, since=NOW - timedelta(days=1)):
                new.location_id = b
    async with sessions.tenant("home") as session:
        query = select(Placement.location_id).order_by(Placement.during)
        assert list(await session.scalars(query)) == [a, b]


async def placed(store: Database, sessions: TenantSessions, rng: random.Random) -> None:
    """Three devices with readings over ten hours, each in some places for some of them."""
    places = PlaceRepository(store.of("home"))
    ids = [await places.add(f"place {n}") for n in range(3)]
    await stored(store, [
        Measured(key(f"d{n}"), rng.random(), NOW - timedelta(minutes=rng.randrange(600)))
        for n in range(3) for _ in range(25)
    ])  # fmt: skip
    for n in range(3):
        bounds = sorted(rng.sample(range(0, 601, 7), 6))
        for since, until in zip(bounds[::2], bounds[1::2], strict=True):
            await places.record(
                f"d{n}", rng.choice(ids),
                NOW - timedelta(minutes=until), NOW - timedelta(minutes=since),
            )  # fmt: skip


async def test_the_implied_relation_is_the_brute_force_join(
    store: Database, sessions: TenantSessions
):
    seed = seeds.seed()
    await placed(store, sessions, random.Random(seed))
    async with sessions.tenant("home") as session:
        readings = (await session.scalars(select(ReadingRow))).all()
        placements = (await session.scalars(select(Placement))).all()
        assert (len(readings), len(placements)) == (75, 9)
        where = {
            r: next(
                (p for p in placements if p.device_id == r.device_id and p.during.contains(r.at)),
                None,
            )
            for r in readings
        }

        async def of(*criteria) -> set[ReadingRow]:
            return set(await session.scalars(select(ReadingRow).where(*criteria)))

        async def at(*criteria) -> set[Placement]:
            return set(await session.scalars(select(Placement).where(*criteria)))

        one, two = placements[0], placements[4]
        seen = {p for p in where.values() if p}
        # attribute and reverse attribute
        for reading in readings:
            assert await reading.awaitable_attrs.placement is where[reading]
        for placement in placements:
            expected = {r for r in readings if where[r] is placement}
            assert set(await placement.awaitable_attrs.readings) == expected
        # by instance, by key, by list, by none and some, each negated
        assert await of(ReadingRow.placement == one) == {r for r in readings if where[r] is one}
        assert await of(ReadingRow.placement != one) == {r for r in readings if where[r] is not one}
        by_key = ReadingRow.placement.has(Placement.id == one.id)
        assert await of(by_key) == {r for r in readings if where[r] is one}
        assert await of(~by_key) == {r for r in readings if where[r] is not one}
        several = ReadingRow.placement.in_([one, two])
        assert await of(several) == {r for r in readings if where[r] in (one, two)}
        assert await of(~several) == {r for r in readings if where[r] not in (one, two)}
        assert await of(ReadingRow.placement.in_([])) == set()
        assert await of(ReadingRow.placement == None) == {r for r in readings if not where[r]}  # noqa: E711
        assert await of(ReadingRow.placement.is_not(None)) == {r for r in readings if where[r]}
        # reverse
        assert await at(Placement.readings.any()) == seen
        assert await at(Placement.readings == None) == set(placements) - seen  # noqa: E711
        few = [r for r in readings if where[r]][:2]
        assert await at(Placement.readings.contains(few[0])) == {where[few[0]]}
        assert await at(~Placement.readings.contains(few[0])) == set(placements) - {where[few[0]]}
        assert await at(Placement.readings.in_(few)) == {where[r] for r in few}
        either = or_(*(Placement.readings.contains(r) for r in few))
        assert await at(~either) == set(placements) - {where[r] for r in few}
        # joined
        query = (
            select(Place.name, func.count())
            .select_from(ReadingRow)
            .join(ReadingRow.placement)
            .join(Placement.location)
            .group_by(Place.name)
        )
        counted = dict((await session.execute(query)).all())
        names_of = {p.id: p.name for p in await session.scalars(select(Place))}
        assert sum(counted.values()) == sum(1 for p in where.values() if p)
        for place, name in names_of.items():
            expected = sum(1 for p in where.values() if p and p.location_id == place)
            assert counted.get(name, 0) == expected


@pytest.mark.parametrize("how", [selectinload, joinedload])
async def test_eager_loading_takes_a_constant_number_of_queries(
    store: Database, sessions: TenantSessions, how
):
    await placed(store, sessions, random.Random(7))
    statements: list[str] = []
    event.listen(
        sessions._engine.sync_engine,
        "before_cursor_execute",
        lambda *facts: statements.append(facts[2]),
    )
    async with sessions.tenant("home") as session:
        query = select(ReadingRow).options(how(ReadingRow.placement))
        readings = (await session.scalars(query)).unique().all()
        assert len(readings) == 75
        there = [r.placement for r in readings if r.placement]
        reverse = select(Placement).options(how(Placement.readings))
        for placement in (await session.scalars(reverse)).unique():
            assert len(placement.readings) == sum(1 for p in there if p is placement)
    selects = [s for s in statements if "set_config" not in s]
    assert len(selects) <= 4, selects
