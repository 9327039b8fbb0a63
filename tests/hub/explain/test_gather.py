from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from contracts.reading import Identity, Reading, SeriesKey
from contracts.show import Clock
from hub.database.database import Database
from hub.device_settings.repository import SettingsRepository
from hub.devices.repository import DeviceRepository
from hub.explain.explanation import explain
from hub.explain.facts import Surroundings
from hub.explain.repository import gather
from hub.explain.sentence import Level
from hub.mqtt.account_repository import Account, AccountRepository, AccountState
from hub.runtime.problems import Seen
from tests.hub.devices.by_hand import write_attributes
from tests.hub.ingest.test_ingest import stored

# In the past: the store puts readings from the future aside.
NOW = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


def level(device: str, value: float, at: datetime, identity: Identity | None = None) -> Reading:
    return Reading(SeriesKey(device, "BatteryService", 0, "BatteryLevel"), value, at, identity)


async def test_facts_of_one_device(store: Database):
    devices = DeviceRepository(store.of("home"))
    for n in range(5):
        at = NOW - timedelta(days=4 - n)
        report = {
            "battery_mv": 3000 - 50 * n, "rssi": -60 - n, "awake_ms": 400 + 200 * n,
            "reset": ["power", "deepsleep", "watchdog", "watchdog", "deepsleep"][n], "config": 0,
        }  # fmt: skip
        await devices.report("esp_1", report, at, 300)
        await devices.report("esp_1", report | {"reset": "deepsleep", "rssi": -80}, at, 300)
    await stored(store, [level("esp_1", 90 - n, NOW - timedelta(days=4 - n)) for n in range(5)])
    await stored(store, [
        level("esp_1", 50, NOW, Identity("9f3a61c2", seq)) for seq in (1, 2, 5)
    ])  # fmt: skip
    await devices.lost("esp_1", "9f3a61c2", 1)
    await AccountRepository(store).create(Account("home", "esp_1", "$7$", AccountState.ACTIVE))
    await SettingsRepository(store.of("home")).change(
        "esp_1", lambda _: ({"name": "Cellar"}, None), who="ann", why=""
    )
    async with store.of("home").transaction() as conn:
        for number, state in ((1, "failed"), (2, "commanded")):
            await conn.execute(
                """INSERT INTO dormouse.rollout (kind, target, options, phase, created_by,
                       created_at) VALUES ('firmware', '{"version": "1.3.0"}', '{}', 'running',
                       'ann', %s)""", [NOW],
            )  # fmt: skip
            await conn.execute(
                """INSERT INTO dormouse.rollout_device (rollout_id, device_id, wave, state, since)
                   SELECT %s, id, 0, %s, %s FROM dormouse.device WHERE key = 'esp_1'""",
                [number, state, NOW],
            )
    around = Surroundings(
        problems=lambda device: {"range": Seen(1, NOW, device)}, online=lambda _: True
    )
    [facts] = await gather(store.of("home"), NOW, ["esp_1"], around)
    assert (facts.device, facts.name, facts.account) == ("esp_1", "Cellar", AccountState.ACTIVE)
    assert (facts.seen_at, facts.report_at) == (NOW, NOW)
    assert facts.next_wake_at == NOW + timedelta(seconds=300)
    assert facts.last_reading.battery_percent == 50
    assert (facts.lost.missing, facts.lost.thinned) == (1, 1)
    assert facts.config.version == 1
    assert (facts.rollout.rollout, facts.rollout.version, facts.rollout.state) == (
        2, "1.3.0", "commanded",
    )  # fmt: skip
    assert facts.problems["range"].detail == "esp_1"
    assert facts.levels == (), "its voltage says more"
    assert [percent for _, percent in facts.charges][:4] == [90, 89, 88, 87]
    assert [(d.reports, d.battery_first, d.rssi, d.awake_ms) for d in facts.days] == [
        (2, 3000 - 50 * n, (-60 - n - 80) / 2, 400 + 200 * n) for n in range(5)
    ]
    assert [(d.watchdogs, d.powers) for d in facts.days] == [(0, 1), (0, 0), (1, 0), (1, 0), (0, 0)]
    assert facts.days[3].watchdog_at == NOW - timedelta(days=1)
    found = {sentence.kind for sentence in explain(facts, Clock(NOW)).chain}
    assert {"heard", "battery", "awake", "crash", "power", "lost", "refused", "config"} <= found


async def test_a_level_in_percent_where_no_voltage_is_known(store: Database):
    await DeviceRepository(store.of("home")).report("esp_1", {"rssi": -60}, NOW, 300)
    await stored(store, [level("esp_1", 90 - 5 * n, NOW - timedelta(days=4 - n)) for n in range(5)])
    [facts] = await gather(store.of("home"), NOW)
    assert [percent for _, percent in facts.levels] == [90, 85, 80, 75, 70]
    [falling] = [s.text for s in explain(facts, Clock(NOW)).chain if s.kind == "battery"]
    assert falling == "battery falling: from 90 % to 70 % in 4 days, at this rate empty in 14 days"
    # 5 % a day from 70 %; it reaches further back than the other trends.
    assert explain(facts, Clock(NOW)).battery.empty_on == NOW.date() + timedelta(days=14)
    await stored(
        store, [level("esp_2", 20 + n / 2, NOW - timedelta(days=n)) for n in range(60, -1, -1)]
    )
    [facts] = await gather(store.of("home"), NOW, ["esp_2"])
    assert len(facts.charges) > 14


async def test_accounts_without_a_device_are_there_and_viewers_are_not(store: Database):
    accounts = AccountRepository(store)
    for name in ("esp_new", "viewer", "viewer.ann"):
        await accounts.create(Account("home", name, "$7$", AccountState.PENDING))
    await DeviceRepository(store.of("home")).report("esp_old", {}, NOW, None)
    found = await gather(store.of("home"), NOW)
    assert [(facts.device, facts.account) for facts in found] == [
        ("esp_new", AccountState.PENDING), ("esp_old", None),
    ]  # fmt: skip
    assert [facts.device for facts in await gather(store.of("home"), NOW, ["esp_new"])] == [
        "esp_new"
    ]
    assert await gather(store.of("home"), NOW, ["esp"]) == []


async def test_who_was_replaced_whatever_else_attributes_say(store: Database):
    devices = DeviceRepository(store.of("home"))
    await devices.report("esp_new", {}, NOW, None)
    at = NOW.isoformat()
    await write_attributes(store.of("home"), "esp_new", {"replacements": [
        {"old": "esp_old", "new": "esp_new", "at": at}, {"old": "esp_old", "at": at}, 7, "x",
        {"old": "esp_old", "new": "esp_new", "at": "yesterday"}, {"old": [1], "new": {}, "at": 5},
    ]})  # fmt: skip
    await devices.report("esp_wild", {}, NOW, None)
    await write_attributes(store.of("home"), "esp_wild", {"replacements": "none"})
    await AccountRepository(store).create(Account("home", "esp_old", "$7$", AccountState.DISABLED))
    found = {facts.device: facts for facts in await gather(store.of("home"), NOW)}
    assert found["esp_old"].replaced_by == ("esp_new", NOW)
    assert found["esp_new"].replaced_by is None
    for facts in found.values():
        explain(facts, Clock(NOW))


async def test_no_other_tenants_facts(store: Database):
    await store.ensure_tenant("school")
    for tenant in ("home", "school"):
        await DeviceRepository(store.of(tenant)).report("esp_1", {"firmware": tenant}, NOW, 300)
        await stored(store, [level("esp_1", 50, NOW)], tenant)
    [facts] = await gather(store.of("home"), NOW)
    assert facts.report == {"firmware": "home"}


@pytest.mark.parametrize("number", [100])
async def test_a_hundred_devices_in_a_few_queries(store: Database, number, monkeypatch):
    devices = DeviceRepository(store.of("home"))
    for n in range(number):
        late = timedelta(hours=2 if n % 10 == 0 else 0)
        await devices.report(f"esp_{n:03}", {"battery_mv": 2900}, NOW - late, 300)
    await stored(store, [level(f"esp_{n:03}", 50, NOW - timedelta(days=3)) for n in range(number)])
    queries = []
    execute = psycopg.AsyncCursor.execute

    async def counting(self, query, *args, **options):
        queries.append(query)
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counting)
    found = await gather(store.of("home"), NOW + timedelta(seconds=60))
    clock = Clock(NOW + timedelta(seconds=60))
    wrong = [f.device for f in found if explain(f, clock).headline.level is not Level.FINE]
    assert wrong == [f"esp_{n:03}" for n in range(0, number, 10)]
    assert len(queries) <= 12, queries
