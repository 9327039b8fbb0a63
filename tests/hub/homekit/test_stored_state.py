"""HomeKit's state in a real Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from contracts.reading import Reading, SeriesKey
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.database.lease.fence import Fence
from hub.homekit.identity import Identities
from hub.homekit.repository import HomeKitRepository
from hub.homekit.state import PresenceRecord, StateChange
from tests.hub.ingest.test_ingest import NOW, key, stored


async def test_everything_comes_back(store: Database):
    state = HomeKitRepository(store.of("home"))
    empty = await state.load()
    assert (empty.bridges, empty.accessories, empty.values, empty.presence) == ([], [], {}, [])
    ids = Identities([], [])
    ids.place("esp_1")
    ids.number("esp_1", ["AccessoryInformation.0", "Switch.0", "Switch.0.On"])
    bridges, accessories = ids.changes()
    values = {
        SeriesKey("esp_1", "Switch", 0, "On"): True,
        SeriesKey("esp_1", "TemperatureSensor", 0, "CurrentTemperature"): 20.0,
        SeriesKey("esp_1", "BatteryService", 0, "BatteryLevel"): 87,
        SeriesKey("esp_1", "AccessoryInformation", 0, "Name"): "Büro",
        SeriesKey("esp_1", "EnergyMeter", 1, "Energy"): 1e8,
    }
    presence = [PresenceRecord(device="esp_1", seen=1.5, due=None, online=True, sleeps=False)]
    await state.save(StateChange(bridges, accessories, values, presence))
    saved = await state.load()
    assert saved.bridges == bridges
    assert saved.accessories == accessories
    assert saved.values == values
    assert {k: type(v) for k, v in saved.values.items()} == {k: type(v) for k, v in values.items()}
    assert saved.presence == presence
    assert saved.measured == {}


async def test_when_a_value_was_measured_is_kept_with_it(store: Database):
    state = HomeKitRepository(store.of("home"))
    key = SeriesKey("esp_1", "TemperatureSensor", 0, "CurrentTemperature")
    at = datetime(2026, 3, 1, 12, 30, 0, 250, tzinfo=UTC)
    await state.save(StateChange(values={key: 20.0}, measured={key: at}))
    saved = await state.load()
    assert (saved.values, saved.measured) == ({key: 20.0}, {key: at})


async def test_forgetting_one_device_leaves_the_others(store: Database):
    state = HomeKitRepository(store.of("home"))
    ids = Identities([], [])
    keys = [SeriesKey(device, "Switch", 0, "On") for device in ("esp_1", "esp_10")]
    for one in keys:
        ids.place(one.device)
    _, accessories = ids.changes()
    presence = [PresenceRecord(device=key.device) for key in keys]
    await state.save(StateChange((), accessories, dict.fromkeys(keys, True), presence))
    await state.save(StateChange(forgotten=["esp_1"]))
    saved = await state.load()
    assert [record.device for record in saved.accessories] == ["esp_10"]
    assert [record.device for record in saved.presence] == ["esp_10"]
    assert list(saved.values) == keys[1:]


async def test_tenants_do_not_see_each_other(store: Database):
    await store.ensure_tenant("beach")
    ids = Identities([], [])
    bridges, _ = ids.changes()
    await HomeKitRepository(store.of("home")).save(StateChange(bridges))
    assert (await HomeKitRepository(store.of("beach")).load()).bridges == []


async def test_an_accessory_id_is_given_once(store: Database):
    """By two hubs at once, each of which believes that it is alone."""
    state = HomeKitRepository(store.of("home"))
    for device in ("esp_1", "esp_2"):
        ids = Identities([], [])
        ids.place(device)
        _, accessories = ids.changes()
        if device == "esp_1":
            await state.save(StateChange((), accessories))
            continue
        with pytest.raises(psycopg.errors.UniqueViolation):
            await state.save(StateChange((), accessories))
    # One that takes another's place takes its id.
    await state.save(StateChange((), accessories, forgotten=["esp_1"]))
    # The other tenant's are its own.
    await store.ensure_tenant("school")
    await HomeKitRepository(store.of("school")).save(StateChange((), accessories))


async def test_who_slept_while_another_had_the_bridges_gives_no_id_twice(store: Database):
    async def hold(mark: str) -> HomeKitRepository:
        async with store.nobody() as conn:
            await conn.execute(
                "SELECT dormouse.take_lease('duties', %s, 'attic', 1, '0.1.0')", [mark]
            )
        return HomeKitRepository(store.of("home"), Fence("duties", mark))

    async def shown(state: HomeKitRepository, ids: Identities, device: str) -> None:
        ids.place(device)
        bridges, accessories = ids.changes()
        await state.save(StateChange(bridges, accessories))

    slept, ids = await hold("first"), Identities([], [])
    await shown(slept, ids, "esp_1")
    successor = await hold("second")
    saved = await successor.load()
    await shown(successor, Identities(saved.bridges, saved.accessories), "esp_2")

    with pytest.raises(DatabaseAwayError) as refused:
        await shown(slept, ids, "esp_3")  # by the aid that esp_2 has
    assert refused.value.reason == 'another worker has the lease "duties"'
    saved = await successor.load()
    assert {one.device: one.aid for one in saved.accessories} == {"esp_1": 2, "esp_2": 3}
    assert [one.next_aid for one in saved.bridges] == [4]


async def test_what_was_stored_in_the_last_seconds_before_a_crash_is_shown(store: Database):
    state, minute = HomeKitRepository(store.of("home")), timedelta(minutes=1)
    motion = SeriesKey("d1", "MotionSensor", 0, "MotionDetected")
    battery = SeriesKey("d1", "BatteryService", 0, "BatteryLevel")
    older, unseen = key("d1"), key("d1", "StatusActive")
    named = SeriesKey("d1", "TemperatureSensor", 0, "ConfiguredName")
    kept = {motion: False, battery: 80, older: 21.5, named: "Attic"}
    await state.save(StateChange(values=kept, measured=dict.fromkeys(kept, NOW)))
    await stored(
        store,
        [
            Reading(motion, True, NOW + minute),
            Reading(battery, 79, NOW + minute),
            Reading(older, 20.0, NOW - minute),  # came late
            Reading(named, "Temperature", NOW + minute),  # by the device, not by HomeKit
            Reading(unseen, True, NOW + minute),  # taken out of HomeKit, say
        ],
    )
    saved = await state.load()
    assert saved.values == {**kept, motion: True, battery: 79}
    assert {key: type(value) for key, value in saved.values.items()} == {
        key: type(value) for key, value in kept.items()
    }
    assert saved.measured == {
        motion: NOW + minute, battery: NOW + minute, older: NOW, named: NOW,
    }  # fmt: skip
