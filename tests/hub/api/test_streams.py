"""Streams of live values: of a tenant as well as of a person, and a place for who has few."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from hub.api.principal import Principal
from hub.api.problems import ProblemError
from hub.api.scope import Role
from hub.api.streams import LiveStreams
from hub.live import Live


class Viewers:
    """Open streams: a task each, that ends when the stream does."""

    def __init__(self) -> None:
        self.streams, self.live = LiveStreams(), Live()
        self.open_: list[tuple[str, asyncio.Task[None]]] = []

    async def open(self, tenant: str, person: int) -> None:
        """One stream. Raises ProblemError."""
        task = asyncio.create_task(self._look_on(tenant, person))
        await settled()
        if task.done():
            task.result()
        self.open_.append((tenant, task))

    async def _look_on(self, tenant: str, person: int) -> None:
        who = Principal(f"p{person}", tenant, Role.READER, frozenset(), (tenant,), person)
        async with self.live.subscribe(tenant) as events:
            with self.streams.one(who, events):
                async for _ in events:
                    pass

    def count(self, tenant: str) -> int:
        return sum(one == tenant and not task.done() for one, task in self.open_)


async def settled() -> None:
    """Everybody who can go on has."""
    for _ in range(4):
        await asyncio.sleep(0)


@pytest.fixture
async def viewers():
    viewers = Viewers()
    yield viewers
    for _, task in viewers.open_:
        task.cancel()


async def greedy(viewers: Viewers, tenant: str, base: int) -> int:
    """As many streams as a tenant of many people gets."""
    with suppress(ProblemError):
        for number in range(1000):
            await viewers.open(tenant, base + number // 8)
    return viewers.count(tenant)


async def test_one_tenant_does_not_get_all(viewers):
    got = await greedy(viewers, "school", 1000)
    assert 8 < got <= 100
    with pytest.raises(ProblemError) as refused:
        await viewers.open("school", 5)
    assert refused.value.status == 429
    await viewers.open("home", 1)


async def test_who_has_fewer_gets_a_place_of_who_has_most(viewers):
    greedier = [await greedy(viewers, name, 1000 * n) for n, name in enumerate("stuvwxyz", start=1)]
    total = sum(viewers.count(name) for name in "stuvwxyz")
    assert total == 200, greedier
    for number in range(10):
        await viewers.open("home", 1 + number // 8)
    assert viewers.count("home") == 10
    assert sum(viewers.count(name) for name in "stuvwxyz") == 190
    counts = [viewers.count(name) for name in "stuvwxyz"]
    assert min(counts) > 10
    # No more than its share: what one gets by it no other loses by it.
    with suppress(ProblemError):
        for number in range(100):
            await viewers.open("home", 10 + number // 8)
    assert viewers.count("home") <= max(viewers.count(name) for name in "stuvwxyz") + 1
