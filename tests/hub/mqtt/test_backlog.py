"""What waited at the broker is known as such, by our own clocks and a mark behind it."""

from __future__ import annotations

import math
import socket
from dataclasses import replace

import pytest

from hub.mqtt.accounts import AccountBook
from hub.mqtt.backlog import Backlog
from hub.mqtt.source import MqttSource
from tests.support.broker import (
    MemoryAccounts,
    open_folder,
    owner,
    running_broker,
    subscriber,
    until,
)

TOPIC = "HomeKit/dev/StatelessProgrammableSwitch/ProgrammableSwitchEvent"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_how_long_a_message_may_have_waited(clock):
    backlog = Backlog(clock)
    backlog.resumed(session=False)
    assert backlog.waited == 0
    clock.now += 60
    backlog.alive()
    backlog.lost()
    clock.now += 20
    backlog.resumed(session=True)
    clock.now += 1
    backlog.alive()
    assert backlog.waited == 21
    backlog.lost()  # again before it has caught up
    clock.now += 9
    backlog.resumed(session=True)
    assert backlog.waited == 30
    backlog.caught_up()
    assert backlog.waited == 0


def test_before_this_process_nobody_counted(clock):
    backlog = Backlog(clock)
    backlog.resumed(session=True)
    assert backlog.waited == math.inf


def test_a_connection_that_was_silent_was_cut_off_before(clock):
    backlog = Backlog(clock)
    backlog.resumed(session=False)
    backlog.lost(silent=45)
    backlog.resumed(session=True)
    assert backlog.waited == 45


def test_a_process_that_was_stopped_finds_what_came_meanwhile(clock):
    backlog = Backlog(clock)
    backlog.resumed(session=False)
    clock.now += 600
    assert backlog.waited == 600
    backlog.alive()
    assert backlog.waited == 0


def test_a_mark_that_does_not_come_back_is_sent_again(clock):
    backlog = Backlog(clock)
    backlog.resumed(session=False)
    assert not backlog.mark_due()
    backlog.lost()
    backlog.resumed(session=True)
    assert backlog.mark_due()
    assert not backlog.mark_due()
    clock.now += Backlog.MARK_S
    assert backlog.mark_due()
    backlog.caught_up()
    assert not backlog.mark_due()


async def test_at_a_broker(accounts, broker):
    """300 messages wait, more than the broker has in flight at a time; then one is pressed."""
    await accounts.provision("dev", "home", "device-password")
    dev = replace(broker.endpoint, user="dev", password="device-password")
    async with subscriber(dev, "HomeKit/dev/none") as (sender, _):
        async with subscriber(broker.endpoint, "HomeKit/#", session_s=60) as (_, first):
            await sender.publish(TOPIC, "0")
            await until(lambda: first)
        for n in range(300):
            await sender.publish(TOPIC, str(n))
        async with subscriber(broker.endpoint, "HomeKit/#", session_s=60) as (source, got):
            await until(lambda: len(got) >= 300 and not source.backlog.behind)
            await sender.publish(TOPIC, "now")
            await until(lambda: len(got) > 300)
    assert [d.waited for d in first] == [0]
    assert all(d.waited == math.inf for d in got[:300])
    assert got[300].payload == b"now"
    assert math.isfinite(got[300].waited)
    assert {d.topic for d in got} == {TOPIC}, "the mark is no message"


async def test_a_connection_that_comes_back(accounts, broker):
    await accounts.provision("dev", "home", "device-password")
    dev = replace(broker.endpoint, user="dev", password="device-password")
    async with (
        subscriber(dev, "HomeKit/dev/none") as (sender, _),
        subscriber(broker.endpoint, "HomeKit/#", session_s=60) as (source, got),
    ):
        # As when the network between goes away, seen from this end.
        source._client.socket()._sock.shutdown(socket.SHUT_RDWR)
        await sender.publish(TOPIC, "while away")
        await until(lambda: got and not source.backlog.behind)
        await sender.publish(TOPIC, "back")
        await until(lambda: len(got) == 2)
    assert isinstance(source, MqttSource)
    assert math.isfinite(got[0].waited), "this process knows since when it was cut off"


async def test_what_a_broker_says_of_sessions():
    with open_folder() as folder:
        for kill, before in ((False, True), (True, True), (False, False), (False, True)):
            async with running_broker(AccountBook(MemoryAccounts()), folder) as broker:
                assert broker.vouches is before
                if kill:
                    # As a power cut: nothing of it is left to say good-bye.
                    broker.main.child._process.kill()
                    await until(lambda: broker.main.child.restarts)
                    assert not broker.vouches
                    broker._running.touch()
                    broker._running = folder / "none"
    assert owner() is None or owner().pw_name == "nobody"
