"""Turns at something scarce: by tenants in a circle, however many of one wait."""

from __future__ import annotations

import asyncio
import random

from hub.runtime.turns import Turns
from tests.support import seeds


async def settled() -> None:
    """Everybody who can go on has."""
    for _ in range(20):
        await asyncio.sleep(0)


class Queue:
    """Those who took a turn, in order; each gives it back when it is told to."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.order: list[str] = []
        self.inside: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str) -> None:
        """`name` begins with the tenant's letter."""
        self.tasks[name] = asyncio.create_task(self._run(name))
        await settled()

    async def end(self, name: str) -> None:
        self.inside.pop(name).set()
        await settled()

    async def _run(self, name: str) -> None:
        async with self.turns.of(name[0]):
            self.order.append(name)
            self.inside[name] = event = asyncio.Event()
            await event.wait()


async def test_a_tenant_that_waits_with_many_is_served_as_one_that_waits_with_one():
    queue = Queue(Turns(1, 1))
    for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
        await queue.ask(name)
    while queue.inside:
        await queue.end(next(iter(queue.inside)))
    assert queue.order == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_no_tenant_has_all_turns():
    queue = Queue(Turns(3, 2))
    for name in ("a1", "a2", "a3"):
        await queue.ask(name)
    assert sorted(queue.inside) == ["a1", "a2"]
    await queue.ask("b1")
    assert sorted(queue.inside) == ["a1", "a2", "b1"]
    await queue.ask("b2")
    await queue.end("a1")
    assert len(queue.inside) == 3
    for _ in range(4):
        await queue.end(next(iter(queue.inside)))
    assert sorted(queue.order) == ["a1", "a2", "a3", "b1", "b2"]


async def test_turns_are_not_lost_by_those_who_give_up():
    seed = seeds.seed()
    rng = random.Random(seed)
    queue = Queue(Turns(3, 2))
    for number in range(300):
        await queue.ask(f"{rng.choice('abcde')}{number}")
        if rng.random() < 0.5:
            queue.tasks[rng.choice(list(queue.tasks))].cancel()
        if queue.inside and rng.random() < 0.7:
            queue.inside[rng.choice(list(queue.inside))].set()
        if rng.random() < 0.5:
            await settled()
        queue.inside = {n: e for n, e in queue.inside.items() if not queue.tasks[n].done()}
        tenants = [name[0] for name in queue.inside]
        assert len(tenants) <= 3
        assert all(tenants.count(one) <= 2 for one in tenants)
    for task in queue.tasks.values():
        task.cancel()
    await asyncio.wait(queue.tasks.values())
    async with queue.turns.of("f"), queue.turns.of("f"), queue.turns.of("g"):
        pass
