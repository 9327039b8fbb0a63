"""Real controllers on real sockets, found by real multicast DNS on loopback."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohomekit.characteristic_cache import CharacteristicCacheMemory
from aiohomekit.controller.ip import IpController
from aiohomekit.exceptions import AuthenticationError, UnavailableError
from cryptography.hazmat.primitives.asymmetric import ed25519
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from hub.homekit.bridge import Bridge
from tests.hub.homekit.conftest import Home
from tests.support.controller import MemoryState, Phone, value_in
from tests.support.ports import claimed_port

HAP = "_hap._tcp.local."


@pytest.fixture
async def controller():
    """A controller that looks around on loopback."""
    network = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    browser = AsyncServiceBrowser(network.zeroconf, HAP, handlers=[lambda **_: None])
    found = IpController(CharacteristicCacheMemory(), network)
    await found.async_start()
    yield found
    await found.async_stop()
    await browser.async_cancel()
    await network.async_close()


@pytest.fixture
async def seen():
    """A home that multicast can find, on a fixed port."""
    home = Home(zeroconf=None, port=claimed_port())
    await home.bridge.start()
    yield home
    for phone in home.phones:
        await phone.close()
    await home.bridge.stop()


def mac(home: Home) -> str:
    return home.state.bridges[0].mac


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_discovered_paired_told_of_growth_and_unpaired(seen, controller):
    discovery = await controller.async_find(mac(seen))
    assert discovery.description.port == seen.options["port"]
    assert discovery.description.category == 2
    assert discovery.paired is False
    finish = await discovery.async_start_pairing("phone")
    pairing = await finish(seen.bridge.pairings()[0].pin)
    await discovery.close()
    controller.pairings[pairing.id.lower()] = pairing
    phone = Phone(pairing, controller, discovery.description)
    seen.phones.append(phone)
    await until(lambda: controller.discoveries[mac(seen).lower()].paired)
    changes: asyncio.Queue[int] = asyncio.Queue()
    pairing.dispatcher_connect_config_changed(changes.put_nowait)
    await phone.tree()

    seen.say("esp/Switch/On", "1")
    async with asyncio.timeout(60):
        await changes.get()
    place = await phone.wait_for("esp", "Switch", "On")
    assert await phone.read(place) is True
    seen.bridge.remove("esp")
    async with asyncio.timeout(60):
        await changes.get()
    assert len(await phone.tree()) == 1

    await phone.unpair()
    await until(lambda: not controller.discoveries[mac(seen).lower()].paired)
    assert seen.bridge.pairings()[0].controllers == ()


async def test_c_number_moves_only_on_real_change(home):
    home.say("esp/TemperatureSensor/CurrentTemperature", "20")
    phone = await home.phone()
    await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature")
    await until(lambda: home.quiet.txt("c#") == "3")
    for n in range(100):
        home.say("esp/TemperatureSensor/CurrentTemperature", str(n))
        home.say("esp/AccessoryInformation/Name", f"Attic {n}")
    home.bridge.growth.grow("esp")
    home.hear("HomeKit/esp/NoSuchSensor/CurrentTemperature", "1")
    home.hear("HomeKit/esp/HumiditySensor/CurrentRelativeHumidity", "1000")
    name = await phone.wait_for("esp", "AccessoryInformation", "Name")
    await phone.until(name, lambda name: name == "Attic 99")
    assert home.quiet.txt("c#") == "3"
    # Ten things at once are one change.
    for index in range(10):
        home.say(f"esp/Switch/{index}/On", "1")
    await phone.wait_for("esp", "Switch", "On", 9)
    await until(lambda: home.quiet.txt("c#") == "4")
    await home.restart()
    assert home.quiet.txt("c#") == "4"


async def test_a_wrong_code_is_refused_and_the_right_one_still_works(home):
    info = home.bridge.pairings()[0]
    wrong = "111-22-333" if info.pin != "111-22-333" else "111-22-334"
    with pytest.raises(AuthenticationError):
        await Phone.pair("127.0.0.1", info.port, wrong)
    assert home.bridge.pairings()[0].controllers == ()
    await home.phone()


async def test_two_controllers(home):
    first = await home.phone()
    with pytest.raises(UnavailableError):
        await home.phone()
    home.say("relay/Switch/On", "0")
    place = await first.wait_for("relay", "Switch", "On")
    second = await invited(first, home)
    await first.subscribe(place)
    await second.tree()
    await second.subscribe(place)
    await first.write(place, True)
    assert await second.event(place) is True
    home.say("relay/Switch/On", "1")
    home.say("relay/Switch/On", "0")
    assert await second.event(place) is False
    # The guest may read and write, not manage.
    assert len(await first.pairing.list_pairings()) == 2
    await first.unpair()
    assert home.bridge.pairings()[0].controllers == (), "without an administrator nobody stays"
    assert await (await home.phone()).read(place) is False


async def invited(host: Phone, home: Home) -> Phone:
    """A second controller that the first adds, with keys of its own."""
    key = ed25519.Ed25519PrivateKey.generate()
    data = dict(host.pairing.pairing_data)
    data["iOSPairingId"] = "11111111-2222-3333-4444-555555555555"
    data["iOSDeviceLTSK"] = key.private_bytes_raw().hex()
    data["iOSDeviceLTPK"] = key.public_key().public_bytes_raw().hex()
    await host.pairing.add_pairing(data["iOSPairingId"], data["iOSDeviceLTPK"], "User")
    guest = await Phone.of(data)
    home.phones.append(guest)
    return guest


async def test_unpair_and_pair_again(home):
    home.say("relay/Switch/On", "1")
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.unpair()
    await phone.close()
    home.phones.remove(phone)
    phone = await home.phone()
    assert await phone.read(place) is True
    await home.restart()
    assert await home.phones[-1].read(place) is True


async def test_both_edges_of_a_20_ms_pulse_and_of_a_shorter_one(home):
    home.say("pir/MotionSensor/MotionDetected", "0")
    home.say("pir/TemperatureSensor/CurrentTemperature", "20")
    phone = await home.phone()
    motion = await phone.wait_for("pir", "MotionSensor", "MotionDetected")
    temperature = await phone.wait_for("pir", "TemperatureSensor", "CurrentTemperature")
    await phone.subscribe(motion, temperature)
    loop = asyncio.get_running_loop()
    home.say("pir/MotionSensor/MotionDetected", "1")
    loop.call_later(0.02, home.say, "pir/MotionSensor/MotionDetected", "0")
    assert [await phone.event(motion), await phone.event(motion)] == [True, False]
    # Both in one turn of the loop: as when both were waiting in the socket.
    home.say("pir/MotionSensor/MotionDetected", "1")
    home.say("pir/MotionSensor/MotionDetected", "0")
    assert [await phone.event(motion), await phone.event(motion)] == [True, False]
    # A slow value: gathered, the last one wins.
    for n in range(50):
        home.say("pir/TemperatureSensor/CurrentTemperature", str(n))
    assert await phone.event(temperature) == 49


async def test_a_press_is_an_event_each_time_and_never_a_value(home):
    home.say("button/StatelessProgrammableSwitch/ProgrammableSwitchEvent", "0")
    phone = await home.phone()
    place = await phone.wait_for("button", "StatelessProgrammableSwitch", "ProgrammableSwitchEvent")
    await phone.subscribe(place)
    topic = "button/StatelessProgrammableSwitch/ProgrammableSwitchEvent"
    home.say(topic, "1", live=False)
    home.say(topic, "2", redelivered=True)
    home.say(topic, "0")
    assert await phone.event(place) == 0, "neither the replayed nor the repeated press"
    home.say(topic, "0")
    assert await phone.event(place) == 0
    assert await phone.read(place) is None
    home.check()


async def test_149_accessories_come_back_with_their_subscribers(seen):
    for n in range(149):
        seen.say(f"esp_{n:03}/MotionSensor/MotionDetected", "0")
        seen.say(f"esp_{n:03}/BatteryService/BatteryLevel", "50")
    await seen.shown(lambda bridge: len(bridge.tree.drivers[0].accessory.accessories) == 149)
    phone = await seen.phone()
    tree = await phone.tree()
    places = [
        (accessory["aid"], characteristic["iid"])
        for accessory in tree[1:]
        for service in accessory["services"]
        for characteristic in service["characteristics"]
        if "ev" in characteristic["perms"] and characteristic["format"] == "bool"
    ]
    assert len(places) == 149
    await phone.subscribe(*places)
    await seen.bridge.stop()
    seen.bridge = seen._new()
    await seen.bridge.start()
    await until(lambda: sum(map(len, seen.bridge.tree.drivers[0].topics.values())) == 149)
    assert await phone.tree() == tree
    seen.say("esp_148/MotionSensor/MotionDetected", "1")
    place = await phone.find("esp_148", "MotionSensor", "MotionDetected")
    assert await phone.event(place) is True


async def test_a_broken_sensor_is_replaced(home):
    home.say("old/AccessoryInformation/Name", "Attic")
    home.say("old/TemperatureSensor/CurrentTemperature", "20")
    phone = await home.phone()
    place = await phone.wait_for("old", "TemperatureSensor", "CurrentTemperature")
    await phone.subscribe(place)
    home.say("new/TemperatureSensor/CurrentTemperature", "25")
    spare = await phone.wait_for("new", "TemperatureSensor", "CurrentTemperature")
    home.bridge.replace("old", "new")
    await phone.until(place, lambda value: value == 25)
    tree = await phone.tree()
    assert [value_in(a, "AccessoryInformation", "Name") for a in tree] == ["Dormouse", "Attic"]
    assert spare[0] not in {accessory["aid"] for accessory in tree}
    home.say("new/TemperatureSensor/CurrentTemperature", "26")
    assert await phone.event(place) == 26, "who had subscribed hears the new one"
    home.say("old/TemperatureSensor/CurrentTemperature", "1")
    await home.restart()
    [phone] = home.phones
    assert await phone.read(place) == 26
    assert len(await phone.tree()) == 3, "should the old one speak, it is another accessory"
    home.check()


async def test_without_multicast_it_works_all_the_same(monkeypatch, caplog):
    def refuse(*_, **__):
        raise OSError(19, "No such device")

    monkeypatch.setattr("hub.homekit.network.AsyncZeroconf", refuse)
    home = Home(zeroconf=None)
    await home.bridge.start()
    await home.phone()
    assert "no multicast here" in caplog.text
    await home.phones[0].close()
    await home.bridge.stop()


async def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bridge = Bridge(
            MemoryState(), Home._command, host="127.0.0.1", port=port, zeroconf=Home().quiet
        )
        with pytest.raises(Exception, match=f"HAP_PORT.*{port}"):
            await bridge.start()
