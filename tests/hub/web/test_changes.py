"""What people change from the pages: names and places of devices, places that go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from contracts.reading import Reading
from hub.database.database import Store
from hub.database.errors import ForeignRowError, RefusedValueError
from hub.devices.changes import Changes
from hub.places.repository import Places, Usage
from hub.readings.repository import Readings
from hub.runtime.bell import Bell
from tests.hub.ingest.test_ingest import NOW, key, stored


async def changes(store: Store, device: str) -> list[tuple]:
    async with store.tenant("home") as conn:
        rows = await conn.execute(
            """SELECT property, after #>> '{}', who, why FROM dormouse.device_changes(
                   (SELECT id FROM dormouse.device WHERE key = %s), '-infinity', 'infinity')
               WHERE who IS NOT NULL""",
            [device],
        )
        return await rows.fetchall()


async def activities(store: Store) -> int:
    async with store.tenant("home") as conn:
        row = await (await conn.execute("SELECT count(*) FROM dormouse.activity")).fetchone()
    return row[0]


async def test_a_name_is_kept_with_who_gave_it_also_before_the_first_reading(store: Store):
    ann = Changes(store, "home", "ann")
    await ann.name("new", " Keller\N{SNOWMAN} <b> ")
    assert await changes(store, "new") == [("name", "Keller\N{SNOWMAN} <b>", "ann", "named it")]
    await ann.name("new", "Keller\N{SNOWMAN} <b>")
    assert await activities(store) == 1
    await ann.name("new", "")
    assert (await changes(store, "new"))[-1] == ("name", None, "ann", "named it")
    with pytest.raises(RefusedValueError):
        await ann.name("new", "x" * 101)
    assert await activities(store) == 2


async def test_a_device_is_put_into_places_of_its_own_tenant_only(store: Store):
    await store.ensure_tenant("beach")
    theirs = await Places(store, "beach").add("hut")
    cellar = await Places(store, "home").add("cellar")
    ann = Changes(store, "home", "ann")
    await ann.place("dev", cellar)
    assert await changes(store, "dev") == [("location", str(cellar), "ann", "moved it")]
    for nowhere in (theirs, 10**9):
        with pytest.raises(ForeignRowError):
            await ann.place("dev", nowhere)
    await ann.place("dev", None)
    assert (await changes(store, "dev"))[-1][1] is None


async def test_a_branch_goes_with_its_records_and_its_devices_move_up(store: Store):
    places, ann = Places(store, "home"), Changes(store, "home", "ann")
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
    assert await places.tree() == [{"id": house, "name": "house", "children": None}]
    assert (await places.usage(house)).devices == ("dev", "old")
    assert len(await Readings(store, "home").samples(key("dev"), NOW.min.replace(tzinfo=UTC),
                                                     NOW.max.replace(tzinfo=UTC))) == 1  # fmt: skip
    await places.remove_branch(house, "ann")
    assert await places.tree() == []
    assert (await changes(store, "dev"))[-1] == ("location", None, "ann", "removed its place")


async def test_a_place_that_is_not_there_or_not_ours_cannot_be_asked_or_removed(store: Store):
    await store.ensure_tenant("beach")
    theirs = await Places(store, "beach").add("hut")
    for place in (theirs, 10**9):
        with pytest.raises(ForeignRowError):
            await Places(store, "home").usage(place)
        with pytest.raises(ForeignRowError):
            await Places(store, "home").remove_branch(place, "ann")
    assert await Places(store, "beach").usage(theirs) == Usage(0, (), 0, None)


async def test_a_bell_wakes_all_who_listen_once_for_many_rings():
    bell = Bell()
    with bell.heard() as one, bell.heard() as two:
        bell.ring()
        bell.ring()
        await asyncio.wait_for(asyncio.gather(one.wait(), two.wait()), 30)
        one.clear()
        assert not one.is_set()
        assert two.is_set()
    bell.ring()
    assert not one.is_set()
