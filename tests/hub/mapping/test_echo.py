"""The hub never takes its own message for news, on a real broker."""

from __future__ import annotations

import asyncio

import pytest

from hub.mqtt.endpoint import Endpoint
from hub.mqtt.source import MqttSource

PASSWORD = "0123456789abcdef0123456789abcdef"
STATE = "HomeKit/relay/Switch/On"


@pytest.mark.parametrize("shared", ["", "$share/hub/"])
async def test_what_was_sent_is_no_news_and_the_same_from_the_device_is(accounts, broker, shared):
    await accounts.provision("relay", "home", PASSWORD)
    at = broker.endpoint
    relay = Endpoint(at.host, at.port, "relay", PASSWORD)
    news: asyncio.Queue[bytes] = asyncio.Queue()
    obeyed: asyncio.Queue[bytes] = asyncio.Queue()
    hub = MqttSource(at, [f"{shared}HomeKit/#"], client_id="hub", session_s=0, mark="hub")
    device = MqttSource(relay, [STATE], client_id="relay", session_s=0)
    await hub.start(lambda d: (news.put_nowait(d.payload), hub.acknowledge(d)))
    await device.start(lambda d: (obeyed.put_nowait(d.payload), device.acknowledge(d)))
    for source in (hub, device):
        await asyncio.wait_for(source.connected.wait(), 30)
    for value in ("1", "0", "1"):
        await hub.publish(STATE, value)
        assert await asyncio.wait_for(obeyed.get(), 30) == value.encode()
    await device.publish(STATE, "1")
    assert await asyncio.wait_for(news.get(), 30) == b"1"
    assert news.empty(), "three commands were not news, the device's own word was"
    await device.stop()
    await hub.stop()
