from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hub.database.errors import DatabaseAwayError
from hub.database.key_value import KeyValueStore
from hub.explain.outages import Away, Outage, Outages, merged
from hub.runtime.host_clock import ClockStep
from tests.support.broker import until

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Hub:
    """A clock and a connection that the test moves; `again` starts the hub anew."""

    def __init__(self, store) -> None:
        self.now = NOON
        self.memory = KeyValueStore(store.of("home"), "explain")
        self.connected, self.lost = asyncio.Event(), asyncio.Event()
        self.connected.set()

    def again(self) -> Outages:
        return Outages(self.memory, self, lambda: self.now)

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def hub(store) -> Hub:
    return Hub(store)


async def test_the_first_start_was_preceded_by_nothing(hub):
    outages = hub.again()
    await outages.start()
    assert outages.all() == []
    await outages.stop()


async def test_a_hub_that_was_stopped_knows_for_how_long(hub):
    outages = hub.again()
    await outages.start()
    hub.passes(1000)
    await outages.stop()
    stopped = hub.now
    hub.passes(7200)
    outages = hub.again()
    await outages.start()
    assert outages.all() == [Outage(Away.HUB, stopped, hub.now)]
    await outages.stop()
    hub.passes(1)  # a quick restart excuses nothing
    again = hub.again()
    await again.start()
    assert again.all() == outages.all()
    await again.stop()


async def test_a_killed_hub_knows_by_its_last_sign_of_life(hub, monkeypatch):
    outages = hub.again()
    monkeypatch.setattr(Outages, "BEAT_S", 0.01)
    await outages.start()
    hub.passes(0.02)
    alive = hub.now

    async def beaten() -> bool:
        return await hub.memory.load("hub-alive") == {"at": alive.isoformat()}

    await until(beaten)
    for task in outages._tasks._tasks:  # no goodbye
        task.cancel()
    hub.passes(500)
    again = hub.again()
    await again.start()
    assert again.all() == [Outage(Away.HUB, alive, hub.now)]
    await again.stop()


async def test_a_machine_that_slept_shows_as_well(hub, monkeypatch):
    monkeypatch.setattr(Outages, "BEAT_S", 0.01)
    outages = hub.again()
    await outages.start()
    await asyncio.sleep(0)
    before = hub.now
    hub.passes(3600)
    await until(lambda: outages.all() == [Outage(Away.HUB, before, hub.now)])
    await outages.stop()


async def test_a_broker_that_is_away(hub):
    outages = hub.again()
    await outages.start()
    await asyncio.sleep(0)
    hub.connected.clear()
    hub.lost.set()
    await until(lambda: outages.broker_away_since == NOON)
    assert outages.all() == [Outage(Away.BROKER, NOON, None)]
    hub.passes(60)
    hub.lost.clear()
    hub.connected.set()
    await until(lambda: outages.all() == [Outage(Away.BROKER, NOON, hub.now)])
    assert outages.broker_away_since is None
    await outages.stop()
    again = hub.again()
    await again.start()
    assert again.all() == [Outage(Away.BROKER, NOON, NOON + timedelta(seconds=60))]
    await again.stop()


async def test_what_is_old_is_forgotten(hub):
    old = {"what": "hub", "end": (NOON - timedelta(days=61)).isoformat()}
    await hub.memory.save("hub-outages", {(NOON - timedelta(days=62)).isoformat(): old})
    outages = hub.again()
    await outages.start()
    assert outages.all() == []
    assert await hub.memory.load("hub-outages") == {}
    await outages.stop()


async def test_a_database_that_is_away_is_tried_again(hub, monkeypatch):
    monkeypatch.setattr(Outages, "BEAT_S", 0.01)
    outages = hub.again()
    await outages.start()
    save, failed = hub.memory.save, []

    async def fail(area, values):
        failed.append(area)
        raise DatabaseAwayError("gone")

    monkeypatch.setattr(hub.memory, "save", fail)
    await asyncio.sleep(0)
    hub.passes(100)
    await until(lambda: len(failed) > 2)
    monkeypatch.setattr(hub.memory, "save", save)

    async def kept() -> bool:
        return len(await hub.memory.load("hub-outages")) == 1

    await until(kept)
    await outages.stop()


def test_outages_that_touch_are_one():
    def at(n: int) -> datetime:
        return NOON + timedelta(minutes=n)

    found = merged(
        [
            Outage(Away.BROKER, at(50), None),
            Outage(Away.HUB, at(0), at(10)),
            Outage(Away.BROKER, at(5), at(8)),
            Outage(Away.BROKER, at(10), at(12)),
        ],
        at(60),
    )
    assert found == [(at(0), at(12)), (at(50), at(60))]


async def test_a_clock_that_is_set_makes_no_outage_and_mends_those_it_dated(hub, monkeypatch):
    first = hub.again()
    await first.start()
    hub.passes(100)
    await first.stop()
    stopped = hub.now
    # The machine was off for an hour, and its clock is three hours behind when it starts.
    hub.passes(3600 - 3 * 3600)
    again = hub.again()
    await again.start()
    assert again.all() == []
    started = hub.now
    again._note(Outage(Away.BROKER, hub.now, hub.now + timedelta(seconds=9)))
    await again._save()
    hub.passes(3 * 3600)
    again.clock_was_set(ClockStep(hub.now, 3 * 3600))
    right = started + timedelta(hours=3)
    expected = [
        Outage(Away.HUB, stopped, right),
        Outage(Away.BROKER, right, right + timedelta(seconds=9)),
    ]
    assert again.all() == expected
    await again.stop()
    third = hub.again()
    await third.start()
    assert third.all() == expected
    await third.stop()
