"""HomeKit's state in a real Postgres."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from contracts.reading import SeriesKey
from hub.database.database import Database
from hub.homekit.identity import Identities
from hub.homekit.repository import HomeKitRepository
from hub.homekit.state import PresenceRecord, StateChange


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
    for key in keys:
        ids.place(key.device)
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
