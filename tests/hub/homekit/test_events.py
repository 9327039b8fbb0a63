"""When a controller hears of a change: at once, what follows gathered, nothing too often."""

from __future__ import annotations

import pytest

from hub.homekit import connection
from hub.homekit.events import GATHER_S, PERIOD_S, GatheredEvents

A, B, C = (2, 9), (2, 10), (3, 9)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gathered(clock) -> GatheredEvents:
    return GatheredEvents(clock)


def event(place, value):
    return {"aid": place[0], "iid": place[1], "value": value}


def values(gathered):
    return [told["value"] for told in gathered.take()]


def test_the_first_change_is_due_at_once(gathered, clock):
    assert gathered.put(A, event(A, 20.5)) <= clock.now
    assert values(gathered) == [20.5]
    assert gathered.due is None


def test_what_follows_within_the_window_goes_together(gathered, clock):
    gathered.put(A, event(A, 20.5))
    gathered.take()
    clock.now += 0.01
    assert gathered.put(B, event(B, 55)) == pytest.approx(100 + GATHER_S)
    clock.now += 0.1
    gathered.put(C, event(C, 7))
    assert gathered.take() == []
    clock.now = gathered.due
    assert values(gathered) == [55, 7]


def test_the_last_value_of_a_flood_is_told_and_no_more_than_once_a_second(gathered, clock):
    told = []
    for n in range(10_000):  # 10 s, a change each ms
        clock.now = 100 + n / 1000
        gathered.put(A, event(A, n))
        told += values(gathered)
    clock.now = gathered.due
    told += values(gathered)
    assert told == [0, *range(1000, 10_000, 1000), 9999]
    assert PERIOD_S == 1.0


def test_one_that_floods_does_not_hold_up_another(gathered, clock):
    gathered.put(A, event(A, 1))
    gathered.take()
    clock.now += 0.5
    gathered.put(A, event(A, 2))
    assert gathered.put(B, event(B, 3)) <= clock.now
    assert values(gathered) == [3]
    clock.now = gathered.due
    assert clock.now == pytest.approx(101)
    assert values(gathered) == [2]


async def test_a_temperature_is_told_without_waiting_for_another(home, monkeypatch):
    # So long that whatever waits for it does not arrive within the test.
    monkeypatch.setattr("hub.homekit.events.GATHER_S", 3600.0)
    home.say("esp/TemperatureSensor/CurrentTemperature", "20")
    phone = await home.phone()
    place = await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature")
    await phone.subscribe(place)
    home.say("esp/TemperatureSensor/CurrentTemperature", "20.5")
    assert await phone.event(place) == 20.5


async def test_the_last_of_several_changes_arrives(home, monkeypatch):
    monkeypatch.setattr("hub.homekit.events.PERIOD_S", 0.05)
    home.say("esp/TemperatureSensor/CurrentTemperature", "20")
    home.say("esp/HumiditySensor/CurrentRelativeHumidity", "50")
    phone = await home.phone()
    temperature = await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature")
    humidity = await phone.wait_for("esp", "HumiditySensor", "CurrentRelativeHumidity")
    await phone.subscribe(temperature, humidity)
    home.say("esp/TemperatureSensor/CurrentTemperature", "21")
    assert await phone.event(temperature) == 21
    for value in (22, 23, 24):
        home.say("esp/TemperatureSensor/CurrentTemperature", str(value))
    home.say("esp/HumiditySensor/CurrentRelativeHumidity", "51")
    told = [await phone.events.get(), await phone.events.get()]
    assert sorted(told) == sorted([(temperature, 24), (humidity, 51)])
    assert phone.events.empty()


async def test_who_unsubscribed_meanwhile_is_not_told(home, monkeypatch):
    monkeypatch.setattr("hub.homekit.events.PERIOD_S", 0.05)
    home.say("esp/TemperatureSensor/CurrentTemperature", "20")
    home.say("relay/Switch/On", "0")
    phone = await home.phone()
    place = await phone.wait_for("esp", "TemperatureSensor", "CurrentTemperature")
    switch = await phone.wait_for("relay", "Switch", "On")
    await phone.subscribe(place, switch)
    home.say("esp/TemperatureSensor/CurrentTemperature", "21")
    assert await phone.event(place) == 21
    home.say("esp/TemperatureSensor/CurrentTemperature", "22")
    await phone.pairing.unsubscribe([place])
    sent = []
    original = connection.create_hap_event
    monkeypatch.setattr(
        connection, "create_hap_event", lambda events: sent.append(events) or original(events)
    )
    [server] = [driver.http_server for driver in home.bridge.tree.drivers.values()]
    [link] = server.connections.values()
    await home.shown(lambda _: link._gathered.due is None)
    home.say("relay/Switch/On", "1")
    assert await phone.event(switch) is True
    assert [told["value"] for events in sent for told in events] == [True]
