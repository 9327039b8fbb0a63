from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from hub.database.database import Database
from hub.device_settings.configs import DeviceSettings
from hub.device_settings.errors import ConfigError
from hub.device_settings.told_brokers import ToldBrokers
from hub.devices.known import DeviceUnknownError
from hub.devices.replacement import replace_device
from hub.devices.repository import DeviceRepository
from hub.mqtt.errors import NotConnectedError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIFI = {"ssid": "beach", "key": "do not tell"}


class Broker:
    """What is retained; `away` refuses."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.sent: list[tuple[str, str]] = []
        self.away = False

    async def publish(self, topic, payload, *, qos=1, retain=False):
        await asyncio.sleep(0)
        if self.away:
            raise NotConnectedError
        assert (qos, retain) == (1, True)
        self.sent.append((topic, payload))
        self.kept[topic] = payload

    def config(self, device: str = "d1") -> dict:
        return json.loads(self.kept[f"HomeKit/{device}/$config"])


@pytest.fixture
async def broker(store: Database) -> Broker:
    await DeviceRepository(store.of("home")).report("d1", {"config": 0}, NOW, 300)
    return Broker()


@pytest.fixture
def configs(store: Database, broker: Broker) -> DeviceSettings:
    return DeviceSettings(store.of("home"), broker.publish)


async def report(store: Database, configs: DeviceSettings, version: int, *problems: str) -> None:
    at = datetime.now(UTC)
    await DeviceRepository(store.of("home")).report("d1", {"config": version}, at, 300)
    await configs.reported("d1", version, at, problems)


async def rows(store: Database, query: str) -> list[tuple]:
    async with store.of("home").transaction() as conn:
        return await (await conn.execute(query)).fetchall()


async def test_what_is_wanted_is_published_and_compared(store, configs, broker):
    assert not (await configs.state("d1")).waiting
    assert await configs.request("d1", {"interval": 600}) == 1
    assert broker.config() == {"version": 1, "interval": 600}
    assert await configs.request("d1", {"name": "Keller"}) == 2
    assert broker.config() == {"version": 2, "interval": 600, "name": "Keller"}
    state = await configs.state("d1")
    assert (state.version, state.reported, state.waiting) == (2, 0, True)
    await report(store, configs, 1)
    assert (await configs.state("d1")).waiting
    await report(store, configs, 2)
    state = await configs.state("d1")
    assert (state.version, state.reported, state.waiting) == (2, 2, False)
    assert state.reported_at is not None
    assert state.problem is None


async def test_the_same_again_is_no_new_version(configs, broker):
    assert await configs.request("d1", {"interval": 600}) == 1
    assert await configs.request("d1", {"interval": 600}) == 1
    assert await configs.request("d1", {"interval": None}) == 2
    assert broker.config() == {"version": 2}


async def test_nothing_unfit_is_wanted(configs, broker):
    with pytest.raises(ConfigError, match="interval: 0 is not from 1"):
        await configs.request("d1", {"interval": 0, "name": "fine"})
    with pytest.raises(DeviceUnknownError, match=r"no device 'd11'; perhaps d1\?"):
        await configs.request("d11", {"interval": 5})
    assert broker.sent == []
    assert (await configs.state("d1")).version is None


async def test_credentials_are_gone_once_the_device_runs_them(store, configs, broker):
    await configs.request("d1", {"interval": 600})
    version = await configs.request("d1", {"wifi": WIFI})
    assert broker.config() == {"version": 2, "interval": 600, "wifi": WIFI}
    state = await configs.state("d1")
    assert state.desired == {"interval": 600, "wifi": {"ssid": "beach", "key": "***"}}
    assert WIFI["key"] not in repr([state, await configs.history("d1")])
    await report(store, configs, version)
    assert broker.config() == {"version": 2, "interval": 600}
    everything = await rows(store, "SELECT c::text FROM dormouse.device_config c")
    assert WIFI["key"] not in str(everything)
    assert "beach" in str(everything)


async def test_credentials_not_taken_up_go_on_to_the_next_version(store, configs, broker):
    await configs.request("d1", {"wifi": WIFI})
    await configs.request("d1", {"interval": 60})
    assert broker.config() == {"version": 2, "wifi": WIFI, "interval": 60}
    held = await rows(store, "SELECT version FROM dormouse.device_config WHERE secrets IS NOT NULL")
    assert held == [(2,)]
    await configs.request("d1", {"wifi": None})
    assert broker.config() == {"version": 3, "interval": 60}
    assert "tell" not in str(await rows(store, "SELECT c::text FROM dormouse.device_config c"))


async def test_what_the_device_says_against_its_settings_is_kept(store, configs, broker):
    version = await configs.request("d1", {"wifi": WIFI})
    await report(store, configs, version, "wifi refused", "ds18b20: no sensor")
    assert (await configs.state("d1")).problem == "wifi refused"


async def test_the_next_report_takes_nothing_back_while_the_first_is_stored(store, configs, broker):
    """A slow hub takes up two at a time; only the first says what was wrong."""
    version = await configs.request("d1", {"interval": 60})
    await asyncio.gather(
        report(store, configs, version, "setting interval"), report(store, configs, version)
    )
    assert (await configs.state("d1")).problem == "setting interval"


async def test_the_broker_away_is_no_obstacle(store, configs, broker):
    broker.away = True
    assert await configs.request("d1", {"interval": 600}) == 1
    assert broker.kept == {}
    broker.away = False
    await DeviceSettings(store.of("home"), broker.publish).publish_all()
    assert broker.config() == {"version": 1, "interval": 600}


async def test_a_restarted_hub_still_waits_for_the_report(store, configs, broker):
    version = await configs.request("d1", {"wifi": WIFI})
    again = DeviceSettings(store.of("home"), broker.publish)
    await report(store, again, version)
    assert "wifi" not in broker.config()
    assert not (await again.state("d1")).waiting


async def test_versions_go_on_beyond_what_another_hub_had(store, configs, broker):
    await DeviceRepository(store.of("home")).report("d1", {"config": 41}, datetime.now(UTC), 300)
    assert await configs.request("d1", {"interval": 600}) == 42


async def test_an_erased_device_is_waited_for_again(store, configs, broker):
    await report(store, configs, await configs.request("d1", {"interval": 600}))
    await report(store, configs, 0)
    assert (await configs.state("d1")).waiting


async def test_many_at_once_end_in_the_newest(configs, broker):
    versions = await asyncio.gather(
        *(configs.request("d1", {"interval": 60 + n}, who=f"w{n}") for n in range(20))
    )
    assert sorted(versions) == list(range(1, 21))
    assert broker.config()["version"] == 20
    newest = (await configs.history("d1"))[0]
    assert newest.version == 20
    assert broker.config()["interval"] == newest.settings["interval"]


async def test_interval_and_name_have_their_history(store, configs, broker):
    await configs.request("d1", {"interval": 600, "name": "Keller"}, who="ann", why="saves battery")
    await configs.request("d1", {"interval": 60}, who="ben", why="watch it closely")
    found = await rows(
        store,
        "SELECT property, before, after, who, why FROM dormouse.device_changes(NULL, '-infinity', "
        "'infinity') WHERE who IS NOT NULL ORDER BY tick, property",
    )
    assert found == [
        ("interval_s", None, 600, "ann", "saves battery"),
        ("name", None, "Keller", "ann", "saves battery"),
        ("interval_s", 600, 60, "ben", "watch it closely"),
    ]


async def test_the_successor_of_a_replaced_device_inherits(store, configs, broker):
    await report(store, configs, await configs.request("d1", {"interval": 600}))
    await replace_device(store.of("home"), "d1", "d2", who="ann")
    await configs.replaced("d1", "d2")
    assert broker.kept["HomeKit/d1/$config"] == ""
    assert broker.config("d2") == {"version": 1, "interval": 600}


async def test_devices_are_told_of_the_brokers_there_are_unless_people_chose_others(
    store, configs, broker
):
    at_first, today = ToldBrokers("a.lan,b.lan"), ToldBrokers("a.lan,b.lan,c.lan")
    for _ in range(2):
        await at_first.heard("home", "d1", configs)
    assert broker.config() == {"version": 1, "brokers": "a.lan,b.lan"}
    await configs.request("d1", {"interval": 60}, who="ann")
    await today.heard("home", "d1", configs)
    assert broker.config() == {"version": 3, "interval": 60, "brokers": "a.lan,b.lan,c.lan"}
    await ToldBrokers("").heard("home", "d1", configs)
    await today.heard("home", "unknown", configs)
    # Somebody says otherwise, or wants none.
    for chosen in ("d.lan", None):
        await configs.request("d1", {"brokers": chosen}, who="ann")
        await ToldBrokers("e.lan").heard("home", "d1", configs)
        assert broker.config().get("brokers") == chosen
    assert broker.config()["version"] == 5
