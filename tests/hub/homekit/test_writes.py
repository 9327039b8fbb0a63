"""What a controller writes: confirmed, put back, refused, kept for a sleeper, several at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from hub.homekit.writes import CommandStyle
from tests.support.controller import Refused


@dataclass
class Report:
    next_wake_s: float | None = None
    firmware: str | None = None
    model: str | None = None


async def test_put_back_when_the_device_does_not_confirm(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.05))
    home.say("relay/Switch/On", "0")
    writer, watcher = await home.phone(), None
    place = await writer.wait_for("relay", "Switch", "On")
    await writer.subscribe(place)
    await writer.write(place, True)
    assert await writer.event(place) is True  # aiohomekit tells the writer's own write
    assert await writer.event(place) is False
    assert await writer.read(place) is False
    assert watcher is None
    home.check()


async def test_confirmed_in_time(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.1))
    home.say("relay/Switch/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.write(place, True)
    await home.sent.get()
    home.say("relay/Switch/On", "0")  # sent before the command arrived: not shown yet
    assert await phone.read(place) is True
    home.say("relay/Switch/On", "1")
    # Past its time it is still so: an event proves that the time is over.
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.15, over.set_result, None)
    await over
    assert await phone.read(place) is True


async def test_a_command_that_cannot_be_sent_is_put_back_at_once(make, monkeypatch):
    home = await make(command_style=lambda _: CommandStyle(confirm=60))

    async def broken(*_):
        raise ConnectionError("the broker is away")

    monkeypatch.setattr(home, "_command", broken)
    await home.restart()
    home.say("relay/Switch/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.write(place, True)
    await phone.until(place, lambda value: value is False)


async def test_what_a_lost_connection_swallowed_is_sent_again(make):
    """The device was gone before its broker had noticed: nobody got the first one."""
    home = await make(command_style=lambda _: CommandStyle(confirm=60))
    key = home.say("relay/Switch/On", "0")
    home.say("relay/Switch/1/On", "0")
    home.bridge.online("relay", True, live=True)
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.write(place, True)
    assert await home.sent.get() == (key, "1")
    home.bridge.online("relay", False, live=True)
    with pytest.raises(Refused) as refused:
        await phone.write(place, True)
    assert refused.value.status == -70402, "known to be gone"
    home.bridge.online("relay", True, live=True)
    assert await home.sent.get() == (key, "1")
    assert await phone.read(place) is True
    home.say("relay/Switch/On", "1")
    # Confirmed: whoever connects once more is not told again.
    home.bridge.online("relay", True, live=True)
    other = await phone.wait_for("relay", "Switch", "On", 1)
    await phone.write(other, True)
    later, text = await home.sent.get()
    assert (later.index, text) == (1, "1")
    assert home.sent.empty()


async def test_a_replayed_online_sends_nothing_again(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.5))
    home.say("relay/Switch/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.subscribe(place)
    await phone.write(place, True)
    await home.sent.get()
    home.bridge.online("relay", True, live=False)
    await phone.until(place, lambda on: on is False)
    assert home.sent.empty()


async def test_a_write_that_was_put_back_is_not_sent_to_who_comes_later(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.05))
    home.say("relay/Switch/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.write(place, True)
    await home.sent.get()
    await phone.until(place, lambda on: on is False)
    home.bridge.online("relay", True, live=True)
    await phone.write(place, False)
    assert (await home.sent.get())[1] == "0"


async def test_one_topic_for_state_and_command(make):
    home = await make(command_style=lambda _: CommandStyle(confirm=0.01, echoes=False))
    key = home.say("relay/Switch/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    await phone.write(place, True)
    await home.sent.get()
    await home.shown(lambda bridge: bridge.tree.models["relay"].values[key] is True)
    assert await phone.read(place) is True


async def test_a_sleeping_device_gets_its_command_later(make):
    kept: dict[object, str | None] = {}

    async def desired(key, text):
        kept[key] = text

    home = await make(desired=desired)
    key = home.say("valve/Switch/On", "0")
    home.bridge.report("valve", Report(next_wake_s=300), live=True)
    phone = await home.phone()
    place = await phone.wait_for("valve", "Switch", "On")
    await phone.subscribe(place)
    await phone.write(place, True)
    assert await phone.event(place) is True  # aiohomekit's own
    assert await phone.event(place) is False, "the real one is shown"
    assert await phone.read(place) is False
    await home.shown(lambda _: kept.get(key) == "1")
    assert home.sent.empty()
    await home.restart()
    home.say("valve/Switch/On", "0")
    assert kept[key] == "1", "woken, not done yet"
    home.say("valve/Switch/On", "1")
    await home.shown(lambda _: kept[key] is None)
    [phone] = home.phones
    assert await phone.read(place) is True


async def test_wrong_writes_are_refused_by_status(home):
    home.say("lamp/Lightbulb/On", "1")
    home.say("lamp/Lightbulb/Brightness", "50")
    home.say("lamp/TemperatureSensor/CurrentTemperature", "20")
    phone = await home.phone()
    brightness = await phone.wait_for("lamp", "Lightbulb", "Brightness")
    temperature = await phone.wait_for("lamp", "TemperatureSensor", "CurrentTemperature")
    for place, value, status in [
        (brightness, 101, -70410),
        (brightness, "bright", -70410),
        (brightness, 50.5, -70410),
        (temperature, 20, -70404),
    ]:
        with pytest.raises(Refused) as refused:
            await phone.write(place, value)
        assert refused.value.status == status
    with pytest.raises(Refused) as refused:
        await phone.read((99, 1))
    assert refused.value.status == -70409
    assert await phone.read(brightness) == 50
    assert home.sent.empty()


async def test_batched_writes(home):
    home.say("lamp/Lightbulb/On", "0")
    home.say("lamp/Lightbulb/Brightness", "0")
    phone = await home.phone()
    on = await phone.wait_for("lamp", "Lightbulb", "On")
    brightness = await phone.wait_for("lamp", "Lightbulb", "Brightness")
    answers = await phone.pairing.put_characteristics([(*on, True), (*brightness, 101)])
    assert {place: answer["status"] for place, answer in answers.items()} == {
        on: 0,
        brightness: -70410,
    }
    key, text = await home.sent.get()
    assert (key.characteristic, text) == ("On", "1")
    assert home.sent.empty()


async def test_timed_writes(home):
    home.say("lock/LockMechanism/LockCurrentState", "1")
    phone = await home.phone()
    aid, iid = await phone.wait_for("lock", "LockMechanism", "LockTargetState")
    connection = phone.pairing.connection
    write = {"characteristics": [{"aid": aid, "iid": iid, "value": 0}], "pid": 11}
    [refused] = (await connection.put_json("/characteristics", write))["characteristics"]
    assert refused["status"] == -70410, "never prepared"
    await connection.put_json("/prepare", {"ttl": 5000, "pid": 11})
    assert not await connection.put_json("/characteristics", write)
    assert (await home.sent.get())[1] == "0"
    await connection.put_json("/prepare", {"ttl": 0, "pid": 12})
    late = await connection.put_json("/characteristics", {**write, "pid": 12})
    assert late["characteristics"][0]["status"] == -70410
    assert home.sent.empty()
