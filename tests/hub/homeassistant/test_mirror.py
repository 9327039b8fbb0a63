"""What a broker is told of a home, and what somebody there wants done."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from hub.homeassistant.service import HomeAssistant
from hub.mapping.rules import Mapping
from hub.mqtt.delivery import Delivery
from hub.mqtt.errors import NotConnectedError
from hub.runtime.problems import Problems
from hub.runtime.supervisor import Supervisor
from tests.hub.homekit.conftest import Home


class MirrorSource:
    """The retained messages, as a broker keeps them, and everything that was said."""

    def __init__(self):
        self.retained, self.said = {}, []
        self.connected, self.lost = asyncio.Event(), asyncio.Event()
        self.connected.set()

    async def publish(self, topic, payload, *, qos=1, retain=False):
        if not self.connected.is_set():
            raise NotConnectedError
        self.said.append((topic, payload))
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)

    def configs(self):
        return [topic for topic in self.retained if topic.startswith("homeassistant/")]

    async def has(self, **wanted):
        """Until these are retained; names have _ for /."""
        async with asyncio.timeout(60):
            while any(self.retained.get(topic) != value for topic, value in wanted.items()):
                await asyncio.sleep(0.005)


class Kept:
    def __init__(self):
        self.areas = {}

    async def load(self, area):
        return dict(self.areas.get(area, {}))

    async def save(self, area, values):
        self.areas.setdefault(area, {}).update(values)

    async def delete(self, area, keys):
        for key in keys:
            self.areas.get(area, {}).pop(key, None)


class Assisted:
    """A home whose devices are told to a broker."""

    def __init__(self, prefix="homeassistant", kept=None, rules=None):
        self.broker, self.kept, self.problems = MirrorSource(), kept or Kept(), Problems()
        self.supervisor = Supervisor()
        self.home = Home(
            rules,
            told=lambda key, value: self.service.told("home", key, value),
            regrown=lambda: self.service.regrown("home"),
        )
        self.service = HomeAssistant(
            prefix,
            self.broker,
            lambda: {"home": self.home.bridge},
            lambda _: self.kept,
            version="9.9",
            problems=self.problems,
            supervisor=self.supervisor,
        )

    async def __aenter__(self):
        await self.home.bridge.start()
        await self.service.start()
        return self

    async def __aexit__(self, *_):
        await self.service.stop()
        await self.home.bridge.stop()

    def want(self, topic, payload, **how):
        self.service.command(Delivery(topic, payload.encode(), datetime.now(UTC), **how))


@pytest.fixture
async def assisted():
    async with Assisted() as running:
        yield running


async def test_a_device_is_told_with_its_values_and_its_presence(assisted):
    home, broker = assisted.home, assisted.broker
    home.say("esp/TemperatureSensor/CurrentTemperature", "20.125")
    await broker.has(**{
        "dormouse/$online": "online",
        "dormouse/home/esp/$online": "online",
        "dormouse/home/esp/TemperatureSensor/0/CurrentTemperature": "20.125",
    })  # fmt: skip
    [config] = broker.configs()
    assert json.loads(broker.retained[config])["device_class"] == "temperature"
    first = [topic for topic, _ in broker.said]
    state = "dormouse/home/esp/TemperatureSensor/0/CurrentTemperature"
    assert first.index(config) < first.index(state)
    home.say("esp/TemperatureSensor/CurrentTemperature", "21")
    await broker.has(**{state: "21.0"})
    home.bridge.online("esp", False, live=True)
    await broker.has(**{"dormouse/home/esp/$online": "offline"})


async def test_a_part_that_comes_later_and_one_that_goes(assisted):
    home, broker = assisted.home, assisted.broker
    home.say("plug/Outlet/On", "1")
    await broker.has(**{"dormouse/home/plug/Outlet/0/On": "1"})
    before = set(broker.configs())
    home.say("plug/Outlet/Power", "12.5")
    await broker.has(**{"dormouse/home/plug/Outlet/0/Power": "12.5"})
    new = set(broker.configs()) - before
    assert [topic.split("/")[3] for topic in new] == ["plug_Outlet_0_Power"]
    key = home.say("lamp/Lightbulb/On", "0")
    await broker.has(**{"dormouse/home/lamp/Lightbulb/0/On": "0"})
    home.bridge.remove(key)
    async with asyncio.timeout(60):
        while any("lamp" in topic for topic in broker.retained):
            await asyncio.sleep(0.005)
    assert any("plug" in topic for topic in broker.configs())


async def test_a_control_that_its_device_takes_back():
    """Homie's `$settable`: what was a switch is only told from then on, and wishes are refused."""
    async with Assisted(rules=Mapping(presets=("homie",))) as assisted:
        home, broker = assisted.home, assisted.broker
        state = "dormouse/home/box/Switch/0/On"
        home.hear("homie/box/lamp/on", "true")
        await broker.has(**{state: "1"})
        assert [topic.split("/")[1] for topic in broker.configs()] == ["switch"]
        home.hear("homie/box/lamp/on/$settable", "false")
        home.hear("homie/box/lamp/on", "false")
        async with asyncio.timeout(60):
            while [topic.split("/")[1] for topic in broker.configs()] != ["binary_sensor"]:
                await asyncio.sleep(0.005)
        [config] = (json.loads(broker.retained[topic]) for topic in broker.configs())
        assert config["state_topic"] == state
        assert "command_topic" not in config
        assisted.want(f"{state}/set", "1")
        assert home.sent.empty()
        assert assisted.problems.total["command"] == 1


async def test_what_home_assistant_wants_is_done(assisted):
    home, broker = assisted.home, assisted.broker
    key = home.say("lamp/Lightbulb/On", "0")
    hue = home.say("lamp/Lightbulb/Hue", "10")
    saturation = home.say("lamp/Lightbulb/Saturation", "20")
    both = "dormouse/home/lamp/Lightbulb/0/HueSaturation"
    await broker.has(**{"dormouse/home/lamp/Lightbulb/0/On": "0", both: "10.0,20.0"})
    assisted.want("dormouse/home/lamp/Lightbulb/0/On/set", "1")
    assert await home.sent.get() == (key, "1")
    await broker.has(**{"dormouse/home/lamp/Lightbulb/0/On": "1"})
    assisted.want(f"{both}/set", "120.0,55.5")
    assert [await home.sent.get(), await home.sent.get()] == [(hue, "120.0"), (saturation, "55.5")]
    await broker.has(**{both: "120.0,55.5"})


@pytest.mark.parametrize(
    ("topic", "payload", "how"),
    [
        ("dormouse/home/lamp/Lightbulb/0/On/set", "perhaps", {}),
        ("dormouse/home/lamp/Lightbulb/0/Brightness/set", "1e99", {}),
        ("dormouse/home/lamp/Lightbulb/x/On/set", "1", {}),
        ("dormouse/home/nobody/Lightbulb/0/On/set", "1", {}),
        ("dormouse/beach/lamp/Lightbulb/0/On/set", "1", {}),
        ("dormouse/home/lamp/Lightbulb/0/HueSaturation/set", "red", {}),
        ("dormouse/home/lamp/Lightbulb/0/On/set", "1", {"retained": True}),
        ("dormouse/home/lamp/Lightbulb/0/On/set", "1", {"waited": 600.0}),
        ("dormouse/home/lamp", "1", {}),
        # Nobody sets these: another value would be shown in Home for a while.
        ("dormouse/home/lamp/AccessoryInformation/0/Model/set", "Other", {}),
        ("dormouse/home/lamp/Lightbulb/7/On/set", "1", {}),
        ("dormouse/home/lamp/TemperatureSensor/0/CurrentTemperature/set", "50", {}),
    ],
)
async def test_what_cannot_be_done_changes_nothing(assisted, topic, payload, how):
    home, broker = assisted.home, assisted.broker
    home.say("lamp/Lightbulb/On", "0")
    await broker.has(**{"dormouse/home/lamp/Lightbulb/0/On": "0"})
    assisted.want(topic, payload, **how)
    assert home.sent.empty()
    assert home.bridge.tree.shown
    assert bool(assisted.problems.total) is not bool(how or topic.count("/") < 6)


async def test_a_press_is_an_event_and_is_not_kept(assisted):
    home, broker = assisted.home, assisted.broker
    topic = "StatelessProgrammableSwitch/ProgrammableSwitchEvent"
    home.say(f"button/{topic}", "0")
    await broker.has(**{"dormouse/home/button/$online": "online"})
    home.say(f"button/{topic}", "2")
    told = ("dormouse/home/button/StatelessProgrammableSwitch/0/ProgrammableSwitchEvent",
            '{"event_type": "long"}')  # fmt: skip
    async with asyncio.timeout(60):
        while told not in broker.said:
            await asyncio.sleep(0.005)
    assert told[0] not in broker.retained


async def test_what_went_while_nobody_looked_is_taken_back():
    kept = Kept()
    async with Assisted(kept=kept) as first:
        first.home.say("lamp/Switch/On", "0")
        first.home.say("plug/Switch/On", "0")
        await first.broker.has(**{"dormouse/home/lamp/Switch/0/On": "0",
                                  "dormouse/home/plug/Switch/0/On": "0"})  # fmt: skip
        retained = dict(first.broker.retained)
    async with Assisted(kept=kept) as second:
        second.broker.retained |= retained
        second.home.say("plug/Switch/On", "1")
        await second.broker.has(**{"dormouse/home/plug/Switch/0/On": "1"})
        assert not any("lamp" in topic for topic in second.broker.retained)
    assert set(kept.areas["topics"]) == {"plug"}


async def test_without_the_setting_all_of_it_is_taken_back():
    kept = Kept()
    async with Assisted(kept=kept) as first:
        first.home.say("lamp/Switch/On", "0")
        await first.broker.has(**{"dormouse/home/lamp/Switch/0/On": "0"})
        retained = dict(first.broker.retained)
    async with Assisted(prefix="", kept=kept) as second:
        second.broker.retained |= retained
        second.home.say("lamp/Switch/On", "0")
        async with asyncio.timeout(60):
            while kept.areas["topics"]:
                await asyncio.sleep(0.005)
    assert [topic for topic in second.broker.retained if "lamp" in topic] == []


async def test_a_broker_that_comes_back_is_told_again(assisted):
    home, broker = assisted.home, assisted.broker
    home.say("lamp/Switch/On", "0")
    await broker.has(**{"dormouse/home/lamp/Switch/0/On": "0"})
    broker.connected.clear()
    broker.lost.set()
    broker.retained.clear()
    home.say("lamp/Switch/On", "1")
    broker.lost.clear()
    broker.connected.set()
    await broker.has(**{"dormouse/home/lamp/Switch/0/On": "1", "dormouse/$online": "online"})
    assert len(broker.configs()) == 1
