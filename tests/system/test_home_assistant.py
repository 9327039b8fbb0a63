"""Home Assistant at the hub's own broker: it reads every device, and commands with its account."""

from __future__ import annotations

import json

import pytest

from contracts import topics
from hub.mqtt.endpoint import Endpoint
from tests.support.broker import subscriber
from tests.support.hub import until

PASSWORD = "0123456789abcdef"


async def account(hub, name, **how):
    await hub.ask("POST", f"/accounts/{name}", json={"password": PASSWORD, **how})
    return Endpoint("127.0.0.1", hub.facts["mqtt_port"], name, PASSWORD)


@pytest.mark.parametrize("hub", [{"HOME_ASSISTANT": "homeassistant"}], indirect=True)
async def test_home_assistant_sees_and_commands(hub):
    lamp = await account(hub, "lamp")
    tool = await account(hub, "viewer.ha", commands=True)
    looks = await account(hub, "viewer.only")
    listed = await hub.ask("GET", "/accounts")
    assert {a["name"]: a["commands"] for a in listed["accounts"]} == {
        "lamp": False,
        "viewer.ha": True,
        "viewer.only": False,
    }
    async with (
        subscriber(lamp, "HomeKit/lamp/#") as (device, wishes),
        subscriber(tool, "homeassistant/#", "dormouse/#") as (assistant, told),
        subscriber(looks, "homeassistant/#") as (viewer, _),
    ):
        await device.publish("HomeKit/lamp/Lightbulb/On", "0", retain=True)
        config = await until(lambda: _config(told, "light"))
        state = await until(lambda: _last(told, config["state_topic"]))
        assert state == "0"
        for place in config["availability"]:
            assert await until(lambda place=place: _last(told, place["topic"])) == "online"
        await viewer.publish(config["command_topic"], "0")  # which the broker does not let through
        await assistant.publish(config["command_topic"], config["payload_on"])
        wish = await until(lambda: _last(wishes, "HomeKit/lamp/Lightbulb/On/set"))
        assert wish == "1"
        await device.publish("HomeKit/lamp/Lightbulb/On", "1", retain=True)
        await until(lambda: _is(told, config["state_topic"], "1"))
        await assistant.publish("HomeKit/lamp/Lightbulb/On/set", "0")
        await until(lambda: _is(wishes, "HomeKit/lamp/Lightbulb/On/set", "0"))
        await hub.ask("DELETE", "/homekit/accessories/lamp")
        topic = next(d.topic for d in told if d.topic.startswith("homeassistant/light/"))
        await until(lambda: _is(told, topic, ""))
        await until(lambda: _is(told, config["state_topic"], ""))
        assert {d.payload for d in wishes if d.topic.endswith("/set")} == {b"1", b"0"}
        assert topics.MIRROR_HUB in {d.topic for d in told}


async def _config(told, component):
    for delivery in told:
        if delivery.topic.startswith(f"homeassistant/{component}/") and delivery.payload:
            return json.loads(delivery.payload)
    return None


async def _last(told, topic):
    said = [delivery.payload.decode() for delivery in told if delivery.topic == topic]
    return said[-1] if said else None


async def _is(told, topic, payload):
    return await _last(told, topic) == payload
