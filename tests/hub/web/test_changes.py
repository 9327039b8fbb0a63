"""What people change from the pages: names and places of devices, places that go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.reading import Reading
from hub.database.database import Database
from hub.database.errors import ForeignRowError, RefusedValueError
from hub.devices.changes import DeviceChanges
from hub.places.repository import PlaceRepository, PlaceUsage
from hub.readings.repository import ReadingRepository
from tests.hub.ingest.test_ingest import NOW, key, stored


async def changes(store: Database, device: str) -> list[tuple]:
    async with store.of("home").transaction() as conn:
        rows = await conn.execute(
            """SELECT property, after #>> '{}', who, why FROM dormouse.device_changes(
                   (SELECT id FROM dormouse.device WHERE key = %s), '-infinity', 'infinity')
               WHERE who IS NOT NULL""",
            [device],
        )
        return await rows.fetchall()


async def activities(store: Database) -> int:
    async with store.of("home").transaction() as conn:
        row = await (await conn.execute("SELECT count(*) FROM dormouse.activity")).fetchone()
    return row[0]


async def test_a_name_is_kept_with_who_gave_it_also_before_the_first_reading(store: Database):
    ann = DeviceChanges(store.of("home"), "ann")
    await ann.name("new", " Keller\N{SNOWMAN} <b> ")
    assert await changes(store, "new") == [("name", "Keller\N{SNOWMAN} <b>", "ann", "named it")]
    await ann.name("new", "Keller\N{SNOWMAN} <b>")
    assert await activities(store) == 1
    await ann.name("new", "")
    assert (await changes(store, "new"))[-1] == ("name", None, "ann", "named it")
    with pytest.raises(RefusedValueError):
        await ann.name("new", "x" * 101)
    assert await activities(store) == 2


async def test_a_device_is_put_into_places_of_its_own_tenant_only(store: Database):
    await store.ensure_tenant("beach")
    theirs = await PlaceRepository(store.of("beach")).add("hut")
    cellar = await PlaceRepository(store.of("home")).add("cellar")
    ann = DeviceChanges(store.of("home"), "ann")
    await ann.place("dev", cellar)
    assert await changes(store, "dev") == [("location", str(cellar), "ann", "moved it")]
    for nowhere in (theirs, 10**9):
        with pytest.raises(ForeignRowError):
            await ann.place("dev", nowhere)
    await ann.place("dev", None)
    assert (await changes(store, "dev"))[-1][1] is None


async def test_a_branch_goes_with_its_records_and_its_devices_move_up(store: Database):
    places, ann = PlaceRepository(store.of("home")), DeviceChanges(store.of("home"), "ann")
    house = await places.add("house")
    attic = await places.add("attic", house)
    corner = await places.add("corner", attic)
    await stored(store, [Reading(key("dev"), 1.0, NOW)])
    before = datetime.now(UTC)
    await ann.place("dev", corner)
    await ann.place("old", attic)
    await ann.place("old", house)
    found = await places.usage(attic)
    assert (found.below, found.devices, found.placements) == (1, ("dev",), 2)
    assert before <= found.since <= datetime.now(UTC)
    with pytest.raises(ForeignRowError):
        await places.remove(attic)
    await places.remove_branch(attic, "ann")
    [left] = await places.tree()
    assert (left["id"], left["name"], left["children"]) == (house, "house", None)
    assert (await places.usage(house)).devices == ("dev", "old")
    ever = NOW.min.replace(tzinfo=UTC), NOW.max.replace(tzinfo=UTC)
    assert len(await ReadingRepository(store.of("home")).samples(key("dev"), *ever)) == 1
    await places.remove_branch(house, "ann")
    assert await places.tree() == []
    assert (await changes(store, "dev"))[-1] == ("location", None, "ann", "removed its place")


async def test_a_place_that_is_not_there_or_not_ours_cannot_be_asked_or_removed(store: Database):
    await store.ensure_tenant("beach")
    theirs = await PlaceRepository(store.of("beach")).add("hut")
    for place in (theirs, 10**9):
        with pytest.raises(ForeignRowError):
            await PlaceRepository(store.of("home")).usage(place)
        with pytest.raises(ForeignRowError):
            await PlaceRepository(store.of("home")).remove_branch(place, "ann")
    assert await PlaceRepository(store.of("beach")).usage(theirs) == PlaceUsage(0, (), 0, None)
