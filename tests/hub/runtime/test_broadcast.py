"""Streams by themselves: bounded, coalescing where that is asked for; tenants are test_live's."""

from __future__ import annotations

import asyncio

import pytest

from hub.runtime.broadcast import Broadcast, Channel, Missed


async def take(events, count):
    async with asyncio.timeout(60):
        return [await anext(events) for _ in range(count)]


async def test_all_subscribers_get_everything_in_order():
    channel = Channel[int](8)
    channel.publish(0)
    async with channel.subscribe() as one, channel.subscribe() as two:
        for number in (1, 2, 3):
            channel.publish(number)
        assert await take(one, 3) == await take(two, 3) == [1, 2, 3]


async def test_who_looks_for_itself_is_woken_once_for_all_that_came():
    channel = Channel[None](1)
    async with channel.subscribe() as one, channel.subscribe() as two:
        channel.publish(None)
        channel.publish(None)
        assert await one.changed()
        waiting = asyncio.create_task(one.changed())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert await two.changed()
        channel.publish(None)
        assert await waiting
    channel.publish(None)
    async with channel.subscribe() as later:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await later.changed()


async def test_a_slow_one_is_told_what_it_missed():
    channel = Channel[int](2)
    async with channel.subscribe() as slow:
        for number in range(5):
            channel.publish(number)
        assert await slow.batch(10) == [Missed(3), 3, 4]


async def test_the_end_ends_every_kind_of_waiting():
    channel = Channel[int](2)
    async with channel.subscribe() as one, channel.subscribe() as two:
        waiting = [asyncio.create_task(one.changed()), asyncio.create_task(two.batch(5))]
        await asyncio.sleep(0)
        channel.close()
        assert await asyncio.gather(*waiting) == [False, []]


async def test_who_subscribes_after_the_end_does_not_wait():
    broadcast = Broadcast[int](4, linger_s=0)
    broadcast.close()
    async with broadcast.subscribe("home") as events:
        assert await events.batch(1) == []
