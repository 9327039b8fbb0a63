"""When a device is there, by what it said and a clock that the test moves."""

from __future__ import annotations

import asyncio
import time

import pytest

from hub.homekit.presence import Patience, Presence
from tests.hub.homekit.test_writes import Report
from tests.support.controller import Refused


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def presence(clock) -> Presence:
    return Presence("esp", Patience(margin=60, share=0.2, unseen=3600, restart=900), clock)


def test_a_sleeper_is_late_only_after_its_time_and_a_margin(presence, clock):
    presence.will_wake(300, live=True)
    clock.now += 300 * 1.2 + 59
    assert presence.available
    clock.now += 2
    assert not presence.available
    assert presence.unreachable
    presence.received()
    assert presence.available


def test_a_report_that_waited_does_not_make_a_dead_sleeper_present(presence, clock):
    presence.will_wake(300, live=True)
    clock.now += 7200
    presence.will_wake(300, live=True, ago=6600)
    assert not presence.available
    assert presence.silence == 6600
    presence.will_wake(300, live=True, ago=100)
    assert presence.available
    clock.now += 300 * 1.2 + 60 - 100
    assert not presence.available


def test_a_device_that_promised_nothing(presence, clock):
    assert not presence.available
    presence.received()
    clock.now += 3599
    assert presence.available
    clock.now += 2
    assert not presence.available
    assert not presence.unreachable, "a command is worth trying"


def test_the_last_will(presence, clock):
    presence.is_online(True, live=True)
    clock.now += 1e6
    assert presence.available, "as long as the broker holds the connection"
    presence.is_online(False, live=True)
    assert not presence.available
    assert presence.unreachable


def test_a_replayed_online_must_be_borne_out(presence, clock):
    presence.is_online(True, live=False)
    assert presence.seen is None
    clock.now += 899
    assert presence.available
    clock.now += 2
    assert not presence.available
    presence.received()
    clock.now += 1e6
    assert presence.available


def test_a_quiet_device_whose_session_still_stands(presence, clock):
    """The hub restarted; the device is connected all the while and has nothing to say."""
    presence.is_online(True, live=True)
    clock.now += 7200
    again = Presence("esp", Patience(), clock)
    again.restore(presence.record())
    again.is_online(True, live=False, vouched=True)
    clock.now += 1e6
    assert again.available
    assert not again.unreachable
    again.is_online(False, live=True)
    assert not again.available
    assert again.unreachable


def test_who_has_not_been_heard_is_believed_where_the_broker_vouches(presence, clock):
    presence.is_online(True, live=False, vouched=True)
    clock.now += 1e6
    assert presence.available


def test_after_a_broker_that_was_killed_a_device_must_be_heard(presence, clock):
    presence.is_online(True, live=True)
    again = Presence("esp", Patience(restart=900), clock)
    again.restore(presence.record())
    again.is_online(True, live=False, vouched=False)
    clock.now += 899
    assert again.available
    clock.now += 2
    assert not again.available
    assert not again.unreachable, "nobody knows: a command is worth trying"
    again.received()
    clock.now += 1e6
    assert again.available


def test_a_late_sleeper_is_no_better_for_being_online(presence, clock):
    presence.will_wake(300, live=True)
    presence.is_online(True, live=False, vouched=True)
    clock.now += 300 * 1.2 + 61
    assert not presence.available
    assert presence.unreachable


def test_a_replayed_offline_holds(presence):
    presence.is_online(False, live=False)
    assert not presence.available


def test_a_restart_forgets_nobody(presence, clock):
    presence.will_wake(300, live=True)
    clock.now += 100
    again = Presence("esp", Patience(margin=60, share=0.2), clock)
    again.restore(presence.record())
    assert again.available
    clock.now += 300
    assert again.available
    clock.now += 30
    assert not again.available


def test_a_clock_set_back_makes_nobody_wait_longer(presence, clock, monkeypatch):
    presence.will_wake(300, live=True)
    record = presence.record()
    monkeypatch.setattr(time, "time", lambda: record.seen - 1e6)
    again = Presence("esp", Patience(margin=60, share=0.2), clock)
    again.restore(record)
    clock.now += 300 * 1.2 + 61
    assert not again.available


async def test_retained_is_not_seen(home):
    home.hear("HomeKit/relay/Switch/On", "1", retained=True)
    phone = await home.phone()
    place = await phone.wait_for("relay", "Switch", "On")
    with pytest.raises(Refused) as refused:
        await phone.read(place)
    assert refused.value.status == -70402
    home.hear("HomeKit/relay/Switch/On", "1")
    assert await phone.read(place) is True


async def test_known_devices_are_there_after_a_restart_late_or_not(home):
    home.say("late/Switch/On", "1")
    home.bridge.report("late", Report(next_wake_s=1), live=True)
    home.say("well/Switch/On", "1")
    phone = await home.phone()
    late = await phone.wait_for("late", "Switch", "On")
    well = await phone.wait_for("well", "Switch", "On")
    await home.bridge.stop()
    home.state.presence["late"] = home.state.presence["late"].model_copy(
        update={"seen": time.time() - 500, "due": time.time() - 400}
    )
    home.bridge = home._new()
    await home.bridge.start()
    home.phones = [phone] = [await phone.again(home.bridge.pairings()[0].port)]
    assert await phone.read(well) is True
    with pytest.raises(Refused):
        await phone.read(late)
    assert await phone.find("late", "Switch", "On") == late


async def test_a_quiet_relay_over_a_restart_answers_and_obeys(home):
    home.hear("HomeKit/relay/$online", "1")
    home.options["patience"] = Patience(unseen=0.01, restart=0.01)
    key = home.say("relay/Switch/On", "1")
    await home.shown(lambda bridge: bridge.has("relay"))
    await home.restart()
    home.hear("HomeKit/relay/$online", "1", retained=True)
    home.hear("HomeKit/relay/Switch/On", "1", retained=True)
    # As long as it takes: after the patience of a restart it is still there.
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.05, over.set_result, None)
    await over
    assert home.bridge.available("relay")
    assert home.bridge.send_command(key, False)
    assert await home.sent.get() == (key, "0")


async def test_silence_removes_only_where_it_is_wished(home):
    home.options["forget_after"] = 0.05
    await home.restart()
    home.say("esp/Switch/On", "1")
    await home.shown(lambda bridge: bridge.has("esp"))
    await home.shown(lambda bridge: not bridge.has("esp"))


def test_a_message_that_waited_says_that_it_was_there(presence, clock):
    presence.received(ago=3000)
    assert presence.available
    clock.now += 700
    assert not presence.available
    presence.received()
    presence.received(ago=5000)
    assert presence.silence == 0


async def test_a_batch_that_waited_in_the_broker_is_no_sign_of_life(home):
    home.hear(
        "HomeKit/esp/$batch",
        '{"boot": "9f3a61c2", "up": 9000, "readings": [[1, 7200, "Switch/On", true]]}',
    )
    phone = await home.phone()
    place = await phone.wait_for("esp", "Switch", "On")
    with pytest.raises(Refused):
        await phone.read(place)
    home.hear("HomeKit/esp/Switch/On", "0")
    assert await phone.read(place) is False


async def test_what_is_right_in_a_batch_counts_and_what_is_wrong_is_named(home):
    home.hear(
        "HomeKit/esp/$batch",
        '{"boot": "9f3a61c2", "up": 60, "readings": ['
        '[1, 0, "TemperatureSensor/CurrentTemperature", 20.5],'
        '[2, 0, "HumiditySensor/CurrentRelativeHumidity", 200],'
        '[3, 0, "Switch/On", true], [4, 0, "Nix/Nix", 1]]}',
    )
    phone = await home.phone()
    place = await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature")
    assert await phone.read(place) == 20.5
    assert await phone.find("esp", "Switch", "On")
    assert await phone.find("esp", "HumiditySensor", "CurrentRelativeHumidity") is None
    assert dict(home.problems.total) == {"range": 1, "service": 1}
    assert [reading.value for reading in home.stored] == [20.5, True]
