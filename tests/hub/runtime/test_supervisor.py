"""Loops that are kept going, errands, and parts in their order."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hub.runtime.defects import Defects
from hub.runtime.supervisor import PartRole, RunningPart, Supervisor, started
from tests.support.broker import until


class Sleep:
    """Pauses that end when they are let end; `clock` goes on by them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.go = asyncio.Semaphore(0)

    def clock(self) -> float:
        return self.now

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.go.acquire()
        self.now += seconds


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


@pytest.fixture
def supervisor(sleep: Sleep) -> Supervisor:
    return Supervisor(clock=sleep.clock, sleep=sleep)


async def test_a_loop_ends_with_nothing_that_was_cancelled_beside_it(supervisor, sleep):
    tasks = supervisor.tasks(PartRole.DUTIES)
    awaited = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await awaited

    loop = tasks.loop("waiting", work)
    await asyncio.sleep(0)
    awaited.cancel()
    await until(lambda: len(sleep.pauses) == 1)
    assert supervisor.loops == (loop,)
    assert supervisor.failed() == {PartRole.DUTIES}
    await tasks.stop()
    assert supervisor.loops == ()


async def test_a_loop_that_does_not_get_on_is_no_sound_one(supervisor):
    tasks = supervisor.tasks(PartRole.INTAKE)
    loop = tasks.loop("waiting", asyncio.Event().wait)
    await until(lambda: supervisor.loops == (loop,))
    assert supervisor.failed() == set()
    loop.stuck = "nothing to eat"
    assert supervisor.failed() == {PartRole.INTAKE}
    await tasks.stop()


async def test_a_loop_that_dies_is_begun_again_and_shown_meanwhile(supervisor, sleep, caplog):
    tasks = supervisor.tasks(PartRole.DUTIES)
    going = asyncio.Event()
    fails = 3

    async def work() -> None:
        nonlocal fails
        if fails:
            fails -= 1
            raise ZeroDivisionError("by nothing")
        going.set()
        await asyncio.Event().wait()

    loop = tasks.loop("counting", work)
    for number in range(3):
        await until(lambda number=number: len(sleep.pauses) == number + 1)
        assert not loop.running
        assert supervisor.failed() == {PartRole.DUTIES}
        sleep.go.release()
    await going.wait()
    assert sleep.pauses == [0.5, 1.0, 2.0]
    assert (loop.running, loop.restarts) == (True, 3)
    assert loop.error == "ZeroDivisionError: by nothing"
    assert supervisor.failed() == set()
    (defect,) = supervisor.defects.all()
    assert (defect.place, defect.kind, defect.count) == ("counting", "ZeroDivisionError", 3)
    traces = [record for record in caplog.records if record.exc_info]
    assert len(traces) == 1, "its trace is logged once"
    await tasks.stop()
    assert supervisor.loops == ()


async def test_a_loop_that_ran_well_for_long_begins_with_the_first_pause(supervisor, sleep):
    tasks = supervisor.tasks(PartRole.INTAKE)
    lasts = iter([0, 0, 1000, 0])

    async def work() -> None:
        sleep.now += next(lasts)
        raise OSError

    tasks.loop("failing", work)
    for number in range(4):
        await until(lambda number=number: len(sleep.pauses) == number + 1)
        if number < 3:
            sleep.go.release()
    assert sleep.pauses == [0.5, 1.0, 0.5, 1.0]
    await tasks.stop()


async def test_a_loop_that_has_nothing_more_to_do_is_over(supervisor):
    tasks = supervisor.tasks(PartRole.WEB)

    async def work() -> None:
        return

    tasks.loop("once", work)
    await until(lambda: not tasks)
    assert supervisor.loops == ()


async def test_what_an_errand_raises_is_noted(supervisor):
    tasks = supervisor.tasks(PartRole.WEB)

    async def answers() -> int:
        return 4

    async def fails() -> None:
        raise KeyError("lost")

    assert await tasks.spawn("answering", answers()) == 4
    tasks.spawn("failing", fails())
    await until(lambda: supervisor.defects.total == 1)
    assert supervisor.defects.all()[0].place == "failing"


async def test_parts_stop_in_reverse_and_those_before_one_that_does_not_start():
    done: list[str] = []

    def part(name: str, *, starts: bool = True) -> RunningPart:
        async def start() -> None:
            if not starts:
                raise OSError(name)
            done.append(f"start {name}")

        async def stop() -> None:
            done.append(f"stop {name}")

        return RunningPart(name, PartRole.INTAKE, start, stop)

    async with started([part("a"), part("b"), RunningPart("c", PartRole.WEB)]):
        done.append("going")
    assert done == ["start a", "start b", "going", "stop b", "stop a"]
    done.clear()
    with pytest.raises(OSError, match="b"):
        async with started([part("a"), part("b", starts=False), part("c")]):
            pass
    assert done == ["start a", "stop a"]


def test_defects_are_logged_once_a_kind_and_bounded(caplog):
    defects = Defects(remember=3)
    for number in range(10):
        for place in ("here", "there"):
            try:
                [][number]
            except IndexError as error:
                defects.note(place, error)
    assert defects.total == 20
    assert {(one.place, one.count) for one in defects.all()} == {("here", 10), ("there", 10)}
    assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 2
    for number in range(5):
        defects.note(f"place {number}", ValueError())
    assert [one.place for one in defects.all()] == ["place 4", "place 3", "place 2"]
