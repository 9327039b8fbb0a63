from __future__ import annotations

from datetime import timedelta

from contracts.reading import Reading
from hub.database.database import Database
from hub.database.key_value import KeyValueStore
from hub.devices.overview import overview
from hub.devices.repository import DeviceRepository
from hub.mqtt.account_repository import Account, AccountRepository, AccountState
from hub.mqtt.accounts import AccountBook
from tests.hub.ingest.test_ingest import NOW, batch, key, stored


async def test_overview_has_last_values_battery_and_age(store: Database):
    await stored(store, [
        Reading(key(), 20.0, NOW - timedelta(minutes=5)),
        Reading(key(), 19.0, NOW - timedelta(minutes=9)),  # late: not the last value
        Reading(key("d2", "On"), True, NOW),
        Reading(key("d2", "Name"), "Büro", NOW),
    ])  # fmt: skip
    await DeviceRepository(store.of("home")).report("d1", {"battery_mv": 2980}, NOW, 300)
    one, two = await overview(store.of("home"))
    assert (one.device, one.battery_mv, one.seen_at) == ("d1", 2980, NOW)
    assert one.next_wake_at == NOW + timedelta(seconds=300)
    assert [(v.value, v.at) for v in one.values] == [(20.0, NOW - timedelta(minutes=5))]
    assert [v.value for v in two.values] == ["Büro", True]
    assert (two.report, two.battery_mv, two.seen_at) == (None, None, NOW)


async def test_an_older_report_changes_nothing(store: Database):
    devices = DeviceRepository(store.of("home"))
    await devices.report("d1", {"n": 2}, NOW, None)
    await devices.report("d1", {"n": 1}, NOW - timedelta(minutes=1), 300)
    (found,) = await overview(store.of("home"))
    assert (found.report, found.next_wake_at) == ({"n": 2}, None)


async def test_gaps_are_counted_by_boot_identity(store: Database):
    await stored(store, [batch(n) for n in (1, 2, 5, 9, 10)])
    await stored(store, [batch(1, boot="b2")])
    await DeviceRepository(store.of("home")).lost("d1", "b1", 3)
    first, second = await DeviceRepository(store.of("home")).gaps()
    assert (first.boot, first.last, first.held, first.lost) == ("b1", 10, 5, 3)
    assert first.missing == [(3, 4), (6, 8)]
    assert first.unexplained == 2
    assert (second.boot, second.missing, second.unexplained) == ("b2", [], 0)


async def test_memory_survives_as_json(store: Database):
    memory = KeyValueStore(store.of("home"), "test")
    await memory.save("aid", {"d1": 2, "d2": 3})
    await memory.save("aid", {"d2": {"n": None}})
    await memory.save("pin", {"": "031-45-154"})
    await memory.delete("aid", ["d1"])
    assert await memory.load("aid") == {"d2": {"n": None}}
    assert await memory.load("pin") == {"": "031-45-154"}


async def test_an_account_belongs_to_one_tenant(store: Database):
    await store.ensure_tenant("school")
    accounts = AccountRepository(store)
    account = Account("home", "d1", "$7$101$salt$hash", AccountState.PENDING, "sensor", "0.1.0")
    assert await accounts.create(account)
    assert not await accounts.create(account)
    other = Account("school", "d1", "$7$101$x$y", AccountState.ACTIVE)
    assert not await accounts.create(other)
    assert await accounts.set_state("home", "d1", AccountState.ACTIVE)
    assert await accounts.set_password("home", "d1", "new")
    assert not await accounts.set_state("school", "d1", AccountState.DISABLED)
    found = await accounts.find("d1")
    assert (found.tenant, found.state, found.password) == ("home", AccountState.ACTIVE, "new")
    assert [a.device for a in await accounts.list()] == ["d1"]
    assert await accounts.list(["school"]) == []
    assert not await accounts.remove("school", "d1")
    assert await accounts.remove("home", "d1")
    assert await accounts.find("d1") is None
    assert await accounts.create(other)


async def test_an_account_that_was_just_made_says_when(store: Database):
    book = AccountBook(AccountRepository(store))
    await book.provision("d1", "home", "a" * 16)
    await book.provision("d2", "home", "a" * 16)
    made = book.all()
    await book.load()
    assert [a.created_at for a in book.all()] == [a.created_at for a in made]
    assert made[0].created_at < made[1].created_at
