"""The stream of events a tenant's subscribers see: apart, in order, bounded, honest about loss."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import pytest

from contracts.reading import SeriesKey
from hub.live import Live, LiveChange, LiveValue, Missed

SERIES = SeriesKey("dev", "TemperatureSensor", 0, "CurrentTemperature")


def value(number):
    return LiveValue(SERIES, float(number), datetime(2026, 3, 1, 12, tzinfo=UTC), float(number))


async def take(updates, count):
    async with asyncio.timeout(60):
        return [await anext(updates) for _ in range(count)]


@pytest.fixture
def small():
    """A stream that keeps four events."""
    return Live(size=4)


async def test_a_subscriber_gets_what_comes_after_it_came_in_order():
    live = Live()
    live.publish("home", value(0))
    async with live.subscribe("home") as updates:
        for number in range(1, 4):
            live.publish("home", value(number))
        assert await take(updates, 3) == [value(1), value(2), value(3)]


async def test_a_waiting_subscriber_is_woken():
    live = Live()
    async with live.subscribe("home") as updates:
        waiting = asyncio.create_task(take(updates, 1))
        await asyncio.sleep(0)
        assert not waiting.done()
        live.publish("home", LiveChange("place", "3"))
        assert await waiting == [LiveChange("place", "3")]


async def test_tenants_do_not_hear_each_other():
    live = Live()
    async with live.subscribe("home") as home, live.subscribe("school") as school:
        live.publish("home", value(1))
        live.publish("school", value(2))
        assert await take(home, 1) == [value(1)]
        assert await take(school, 1) == [value(2)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(home)


async def test_a_slow_subscriber_loses_the_oldest_and_is_told_how_many(small):
    async with small.subscribe("home") as slow, small.subscribe("home") as quick:
        got = []
        for number in range(10):
            small.publish("home", value(number))
            got += await take(quick, 1)
        assert got == [value(number) for number in range(10)]
        assert await take(slow, 5) == [Missed(6), *(value(number) for number in range(6, 10))]


async def test_one_who_comes_back_goes_on_where_it_was(small):
    async with small.subscribe("home") as updates:
        small.publish("home", value(1))
        await take(updates, 1)
        position = updates.position
    small.publish("home", value(2))
    async with small.subscribe("home", after=position) as updates:
        assert await take(updates, 1) == [value(2)]
    for number in range(6):
        small.publish("home", value(number))
    async with small.subscribe("home", after=position) as updates:
        assert await take(updates, 2) == [Missed(3), value(2)]


@pytest.mark.parametrize(
    "position", ["", "-", "00000000-1", "x" * 10_000, "-1", "1-", "½-½", f"a-{'9' * 5000}"]
)
async def test_a_position_of_another_stream_says_that_nobody_knows_what_was_missed(position):
    live = Live()
    async with live.subscribe("home", after=position) as updates:
        live.publish("home", value(1))
        assert await take(updates, 2) == [Missed(None), value(1)]


async def test_a_position_that_was_never_reached_is_no_position():
    live = Live()
    async with live.subscribe("home") as updates:
        name = updates.position.partition("-")[0]
        for number in ("7", "+0", "0_0", " 0", "٣"):
            async with live.subscribe("home", after=f"{name}-{number}") as again:
                live.publish("other", value(1))
                assert await take(again, 1) == [Missed(None)], number


async def test_without_subscribers_nothing_is_kept():
    live = Live(linger_s=0.0)
    live.publish("home", value(1))
    assert live.idle
    async with live.subscribe("home"):
        assert not live.idle
    live.publish("home", value(2))
    assert live.idle


async def test_subscriptions_end_with_the_hub():
    live = Live()
    async with live.subscribe("home") as updates:
        live.publish("home", value(1))
        waiting = asyncio.create_task(take(updates, 2))
        await asyncio.sleep(0)
        live.close()
        with pytest.raises(StopAsyncIteration):
            await waiting


async def test_who_gave_up_waiting_leaves_nothing_behind():
    live = Live()
    async with live.subscribe("home") as updates:
        for _ in range(100):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(updates)
        assert not live._channels["home"].waiting


async def test_memory_is_bounded_however_much_comes(small):
    async with small.subscribe("home"):
        small.publish("home", value(1))
        channel = small._channels["home"]
        before = sys.getsizeof(channel.ring)
        for number in range(10_000):
            small.publish("home", value(number))
        assert sys.getsizeof(channel.ring) == before
        assert len(channel.ring) == 4
