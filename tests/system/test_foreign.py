"""Devices of other firmware, as they are: at the hub's own broker, with a real controller."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess

import pytest

from hub.mqtt.endpoint import Endpoint
from hub.mqtt.source import MqttSource
from tests.support.controller import Refused
from tests.support.hub import HubProcess, rows, until
from tests.support.mqtt311 import Client
from tests.support.publisher import Publisher


@pytest.fixture
async def hub(short_tmp, empty_hub):
    """A hub that knows Tasmota, and one device's temperature in Fahrenheit."""
    profile = {"values": {"TemperatureSensor/CurrentTemperature": {"unit": "F"}}}
    mapping = short_tmp / "mapping.json"
    mapping.write_text(json.dumps({"devices": {"yankee": profile}}))
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    process = HubProcess(short_tmp / "data", PRESETS="tasmota,homie", MAPPING=str(mapping))
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def plug(hub):
    """A Tasmota plug: its source, and the commands it got."""
    account = Publisher("plug_1", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await account.enrol()
    await account.close()
    endpoint = Endpoint("127.0.0.1", hub.facts["mqtt_port"], "plug_1", account.password)
    source = MqttSource(endpoint, ["cmnd/plug_1/#"], client_id="plug_1", session_s=0)
    commands: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    await source.start(lambda d: commands.put_nowait((d.topic, d.payload)))
    await asyncio.wait_for(source.connected.wait(), 30)
    yield source, commands
    await source.stop()


async def test_a_tasmota_plug_joins_without_reflashing(hub, plug, pair):
    source, commands = plug
    await source.publish("tele/plug_1/LWT", "Online", retain=True)
    await source.publish("stat/plug_1/POWER", "OFF")
    energy = {"ENERGY": {"Power": 12.5, "Total": 1.25}, "DS18B20": {"Temperature": 68.9}}
    await source.publish("tele/plug_1/SENSOR", json.dumps({**energy, "TempUnit": "F"}))
    await source.publish("tele/other/SENSOR", json.dumps(energy))  # not its own: refused
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    temperature = await phone.wait_for("plug_1", "TemperatureSensor", "CurrentTemperature")
    assert await phone.read(temperature) == 20.5
    relay = await phone.wait_for("plug_1", "Switch", "On")
    assert await phone.read(relay) is False
    await phone.write(relay, True)
    assert await asyncio.wait_for(commands.get(), 30) == ("cmnd/plug_1/POWER1", b"ON")
    await source.publish("stat/plug_1/POWER", "ON")
    await until(lambda: _is(hub, "On", True))
    assert await phone.read(relay) is True
    await source.publish("tele/plug_1/LWT", "Offline", retain=True)
    await until(lambda: _refused(phone, relay))
    assert await rows(hub, "SELECT key FROM dormouse.device") == [("plug_1",)]


async def test_a_homie_lamp_is_commanded_where_it_was_heard(hub, pair):
    account = Publisher("relay1", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await account.enrol()
    await account.close()
    endpoint = Endpoint("127.0.0.1", hub.facts["mqtt_port"], "relay1", account.password)
    source = MqttSource(endpoint, ["homie/relay1/#", "cmnd/relay1/#"], client_id="relay1")
    told: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    await source.start(lambda d: (told.put_nowait((d.topic, d.payload)), source.acknowledge(d)))
    await asyncio.wait_for(source.connected.wait(), 30)
    await source.publish("homie/relay1/lamp/on", "false")
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    lamp = await phone.wait_for("relay1", "Switch", "On")
    await phone.write(lamp, True)

    async def commanded():
        while True:
            topic, payload = await asyncio.wait_for(told.get(), 60)
            if topic.endswith("/set") or topic.startswith("cmnd/"):
                return topic, payload

    assert await commanded() == ("homie/relay1/lamp/on/set", b"true")
    status, said = await hub.command(
        "mapping", "test", "homie/relay1/lamp/on", "true", "--data-dir", str(hub.data_dir),
        env=dict(os.environ),
    )  # fmt: skip
    assert status == 0
    assert "relay1/Switch/On: True   (command: homie/relay1/lamp/on/set true)" in said
    await source.stop()


async def _is(hub, characteristic, wanted, device="plug_1"):
    return await hub.value(device, characteristic) is wanted


async def _refused(phone, place):
    try:
        await phone.read(place)
    except Refused as refused:
        return refused.status == -70402
    return False


async def test_one_device_measures_in_fahrenheit(hub, pair):
    device = Publisher("yankee", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()
    await device.send("HomeKit/yankee/TemperatureSensor/CurrentTemperature", b"50", tag=1)
    await device.drain()
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    place = await phone.wait_for("yankee", "TemperatureSensor", "CurrentTemperature")
    assert await phone.read(place) == 10

    async def stored():
        return await hub.value("yankee", "CurrentTemperature") == 10

    await until(stored)
    await device.close()


async def test_a_changed_mapping_needs_no_restart(hub):
    mapping = hub.data_dir.parent / "mapping.json"
    topic = {
        "topic": "garden/{device}/state", "service": "HumiditySensor",
        "characteristic": "CurrentRelativeHumidity",
    }  # fmt: skip
    devices = {
        "yankee": {"values": {"TemperatureSensor/CurrentTemperature": {"unit": "K"}}},
        "bed_1": {"topics": [topic]},
    }
    sensor = Publisher("bed_1", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    yankee = Publisher("yankee", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    for device in (sensor, yankee):
        await device.enrol()

    async def reload():
        environment = dict(os.environ)
        return await hub.command(
            "mapping", "reload", "--data-dir", str(hub.data_dir), env=environment
        )

    mapping.write_text('{"devices": 7}')
    status, said = await reload()
    assert status != 0
    assert "the mapping stays as it was" in said
    await sensor.send("garden/bed_1/state", b"40", tag=1)  # nobody knows the topic yet
    await sensor.drain()
    mapping.write_text(json.dumps({"devices": devices}))
    status, said = await reload()
    assert (status, said) == (
        0,
        "the mapping holds: presets tasmota, homie; devices bed_1, yankee\n",
    )

    async def heard():
        # The broker reads its rules when it gets round to it.
        await sensor.send("garden/bed_1/state", b"55", tag=2)
        await sensor.drain()
        return await hub.value("bed_1", "CurrentRelativeHumidity") == 55

    await until(heard)
    await yankee.send("HomeKit/yankee/TemperatureSensor/CurrentTemperature", b"300", tag=1)
    await yankee.drain()

    async def kelvin():
        return await hub.value("yankee", "CurrentTemperature") == 26.85

    await until(kelvin)
    for device in (sensor, yankee):
        await device.close()


async def test_a_command_reaches_a_switch_that_had_lost_its_connection(hub, pair):
    """Its old connection hangs, and the broker gives the command to that one alone."""
    account = Publisher("relay2", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await account.enrol()
    await account.close()

    async def connected():
        client = await Client.connect(
            "127.0.0.1", hub.facts["mqtt_port"], "relay2", "relay2", account.password,
            will=("HomeKit/relay2/$online", b"0"),
        )  # fmt: skip
        await client.subscribe("HomeKit/relay2/Switch/On/set")
        await client.publish("HomeKit/relay2/$online", "1", retain=True)
        await client.publish("HomeKit/relay2/Switch/On", "0", retain=True)
        return client

    before = await connected()
    phone = await pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    switch = await phone.wait_for("relay2", "Switch", "On")
    before.hang()
    await phone.write(switch, True)
    async with await connected() as now:
        await until(lambda: _got(now, ("HomeKit/relay2/Switch/On/set", b"1", False)))
        await now.publish("HomeKit/relay2/Switch/On", "1", retain=True)
        await until(lambda: _is(hub, "On", True, "relay2"))
        assert await phone.read(switch) is True
    await before.close(politely=False)


async def _got(client, message):
    return message in client.got
