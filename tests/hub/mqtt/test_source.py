"""The paho source against a real mosquitto."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from dataclasses import replace

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hub.errors import SettingsError
from hub.mqtt.buffered import UserProperty
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.source import MqttSource
from hub.settings import Settings
from tests.support.broker import subscriber, until


def device(broker, name="dev", password="device-password"):
    return replace(broker.endpoint, user=name, password=password)


@pytest.fixture
async def hub_and_device(accounts, broker):
    await accounts.provision("dev", "home", "device-password")
    return broker.endpoint, device(broker)


async def test_a_message_comes_with_its_flags(hub_and_device):
    hub, dev = hub_and_device
    async with subscriber(dev, "HomeKit/dev/none") as (sender, _):
        await sender.publish("HomeKit/dev/Switch/On", "1", retain=True)
        async with subscriber(hub, "HomeKit/#") as (_, got):
            await until(lambda: len(got) == 1)
            await sender.publish("HomeKit/dev/Switch/On", "0", retain=True)
            await until(lambda: len(got) == 2)
    assert [(d.topic, d.payload, d.retained) for d in got] == [
        ("HomeKit/dev/Switch/On", b"1", True),
        ("HomeKit/dev/Switch/On", b"0", False),
    ]


async def test_what_is_not_acknowledged_comes_again_and_says_so(hub_and_device):
    hub, dev = hub_and_device
    async with subscriber(dev, "HomeKit/dev/none") as (sender, _):
        async with subscriber(hub, "HomeKit/#", session_s=60, ack=False) as (source, got):
            for number in range(3):
                await sender.publish("HomeKit/dev/$batch", str(number))
            await until(lambda: len(got) == 3)
            source.acknowledge(got[1])  # held back behind the first
            source.acknowledge(got[0])
            await sender.publish("HomeKit/dev/$batch", "3")
            await until(lambda: len(got) == 4)
        await sender.publish("HomeKit/dev/$batch", "while away")
        async with subscriber(hub, "HomeKit/#", session_s=60) as (_, again):
            await until(lambda: len(again) == 3)
    assert [(d.payload, d.redelivered) for d in again] == [
        (b"2", True),
        (b"3", True),
        (b"while away", False),
    ]


async def test_own_messages_are_no_news(hub_and_device):
    hub, dev = hub_and_device
    async with subscriber(hub, "HomeKit/#") as (source, got):
        await source.publish("HomeKit/dev/Switch/On", "1")
        async with subscriber(dev, "HomeKit/dev/none") as (sender, _):
            await sender.publish("HomeKit/dev/Switch/On", "0")
        await until(lambda: got != [])
    assert [d.payload for d in got] == [b"0"]


async def test_reconnects_after_the_broker_was_killed(hub_and_device, broker):
    hub, dev = hub_and_device
    async with subscriber(hub, "HomeKit/#", session_s=60) as (source, got):
        os.kill(broker.main.pid, signal.SIGKILL)
        await until(lambda: not source.connected.is_set())
        with pytest.raises(NotConnectedError):
            await source.publish("HomeKit/dev/Switch/On/set", "1")
        await until(source.connected.is_set)
        async with subscriber(dev, "HomeKit/dev/none") as (sender, _):
            await sender.publish("HomeKit/dev/Switch/On", "1")
        await until(lambda: len(got) == 1)


async def test_in_flight_is_bounded_and_nothing_is_lost(hub_and_device):
    hub, dev = hub_and_device
    source = MqttSource(hub, ["HomeKit/#"], client_id="", session_s=0, in_flight=10)
    got = []
    await source.start(got.append)
    try:
        await asyncio.wait_for(source.connected.wait(), 30)
        async with subscriber(dev, "HomeKit/dev/none") as (sender, _):
            await asyncio.gather(*(sender.publish("HomeKit/dev/$batch", str(n)) for n in range(50)))
            await until(lambda: len(got) == 10)
            for n in range(50):
                await until(lambda n=n: len(got) > n)
                source.acknowledge(got[n])
    finally:
        await source.stop()
    assert [int(d.payload) for d in got] == list(range(50))


@pytest.mark.parametrize(
    "url", ["", "localhost", "http://x", "mqtt://", "mqtt://h:x", "mqtt://h/p"]
)
def test_a_bad_url_is_named(url):
    with pytest.raises(SettingsError, match="MQTT_URL"):
        Endpoint.of(url)


def test_a_url_names_everything():
    assert Endpoint.of("mqtt://us%40er:p%3Aw@broker:1999") == Endpoint(
        "broker", 1999, "us@er", "p:w"
    )
    assert Endpoint.of("mqtts://broker").port == 8883


async def test_tls_and_large_and_many_messages(accounts, broker):
    await accounts.provision("dev", "home", "device-password")
    trusting = ssl.create_default_context(cafile=broker.authority_certificate)
    secure = replace(
        broker.endpoint, host="localhost", port=broker.main.ports["mqtts"], tls=trusting
    )
    large = b"x" * 19_000  # what an account may send at once is under 20,000 bytes
    async with (
        subscriber(device(broker), "HomeKit/dev/none") as (sender, _),
        subscriber(secure, "HomeKit/#") as (source, got),
    ):
        await source.publish("HomeKit/dev/$config", "{}", retain=True)
        await sender.publish("HomeKit/dev/large", large)
        await asyncio.gather(*(sender.publish("HomeKit/dev/n", str(n)) for n in range(1000)))
        await until(lambda: len(got) == 1001)
    assert got[0].payload == large
    assert [int(d.payload) for d in got[1:]] == list(range(1000))


@pytest.mark.parametrize("value", ["hub", "ä" * 200])
def test_the_mark_is_sent_as_paho_would_send_it(value):
    by_paho = Properties(PacketTypes.PUBLISH)
    by_paho.UserProperty = [("dormouse", value)]
    ours = UserProperty("dormouse", value)
    assert ours.pack() == by_paho.pack()
    assert ours.sent in ours.pack()


@pytest.mark.parametrize(
    ("urls", "names"),
    [
        ("mqtt://u:p,w@a:1", ["a:1"]),
        ("mqtt://a, mqtts://b,mqtt://c:2", ["a:1883", "b:8883", "c:2"]),
        ("mqtt://[fd00::1]:5,mqtt://[fd00::2]", ["[fd00::1]:5", "[fd00::2]:1883"]),
    ],
)
def test_several_brokers_are_named_by_host_and_port(urls: str, names: list[str]):
    assert [one.name for one in Endpoint.all_of(Settings(mqtt_url=urls).brokers)] == names


@pytest.mark.parametrize("urls", ["mqtt://a,mqtt://A:1883", "mqtt://[::1],mqtts://localhost:1883"])
def test_a_broker_is_named_once(urls: str):
    with pytest.raises(SettingsError, match=r"are the same broker: name it once"):
        Endpoint.all_of(Settings(mqtt_url=urls).brokers)
