"""The hub's parts: started in order, stopped in reverse; their loops are kept going."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self, TypeVar

from hub.runtime.backoff import Backoff
from hub.runtime.defects import Defects
from hub.runtime.log_events import EVENTS

__all__ = ["Loop", "PartRole", "RunningPart", "Supervisor", "Tasks", "started"]

T = TypeVar("T")


class PartRole(StrEnum):
    """What a part is for: which process it would run in, if there were several."""

    INTAKE = "intake"
    """From the devices into the database, and the broker."""
    BRIDGE = "bridge"
    """HomeKit."""
    DUTIES = "duties"
    """What the hub does by itself: rollouts, desired settings, outages, anomalies."""
    WEB = "web"
    """Pages and API."""


class Startable(Protocol):
    """What `start` begins and `stop` ends."""

    def start(self) -> Awaitable[object]:
        """Begin."""
        ...

    def stop(self) -> Awaitable[object]:
        """End."""
        ...


@dataclass(frozen=True, slots=True)
class RunningPart:
    """Something that is started and stopped; either may be None."""

    name: str
    role: PartRole
    start: Callable[[], Awaitable[object]] | None = None
    stop: Callable[[], Awaitable[object]] | None = None

    @classmethod
    def of(cls, name: str, role: PartRole, part: Startable) -> Self:
        """One that has both."""
        return cls(name, role, part.start, part.stop)


@contextlib.asynccontextmanager
async def started(parts: Iterable[RunningPart]) -> AsyncIterator[None]:
    """Between the start of all parts, in order, and their stop, in reverse.

    Where one does not start, those before it are stopped and its exception is raised.
    """
    async with AsyncExitStack() as stack:
        for part in parts:
            if part.start is not None:
                await part.start()
            if part.stop is not None:
                stack.push_async_callback(part.stop)
        yield


@dataclass(slots=True)
class Loop:
    """Something that goes on all the time, as it stands.

    `running` is False between a failure and the next attempt. `error` is the last failure.
    `stuck` says why it does not get on though it runs; empty while it does.
    """

    name: str
    role: PartRole
    running: bool = True
    restarts: int = 0
    error: str = ""
    stuck: str = ""

    @property
    def sound(self) -> bool:
        """Whether it runs and gets on."""
        return self.running and not self.stuck


class Supervisor:
    """Keeps loops going: one that raises is begun again, with growing pauses.

    What it raised goes to `defects`. `loops` are those that are going on, or should be.
    """

    # s: first and longest pause, and after how long a loop counts as sound again.
    BACKOFF = (0.5, 60.0, 300.0)

    def __init__(
        self,
        defects: Defects | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.defects = defects or Defects()
        self._clock, self._sleep = clock, sleep
        self._loops: list[Loop] = []

    @property
    def loops(self) -> tuple[Loop, ...]:
        """All of them, in the order of their starts."""
        return tuple(self._loops)

    def failed(self) -> set[PartRole]:
        """The roles of which a loop is not running now, or does not get on."""
        return {loop.role for loop in self._loops if not loop.sound}

    def tasks(self, role: PartRole) -> Tasks:
        """For a part: where its loops and errands run, until it stops them."""
        return Tasks(self, role)

    async def keep_going(self, loop: Loop, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` until it returns or is cancelled, anew whenever it raises."""
        backoff = Backoff(*self.BACKOFF)
        self._loops.append(loop)
        try:
            while True:
                began = self._clock()
                try:
                    await work()
                except asyncio.CancelledError as error:
                    if _is_cancelled():
                        raise
                    # What it waited for was cancelled, not the loop.
                    self._note(loop, error)
                except Exception as error:  # noqa: BLE001  # noted: whatever it is, the loop goes on
                    self._note(loop, error)
                else:
                    return
                loop.running = False
                await self._sleep(backoff.after(self._clock() - began))
                loop.restarts += 1
                loop.running = True
        finally:
            self._loops.remove(loop)

    def _note(self, loop: Loop, error: BaseException) -> None:
        self.defects.note(loop.name, error)
        EVENTS.part_failed.log(part=loop.name, reason=type(error).__name__)
        loop.error = f"{type(error).__name__}: {error}"[:200]


class Tasks:
    """What one part has going on, ended together by `stop`."""

    def __init__(self, supervisor: Supervisor, role: PartRole) -> None:
        self._supervisor, self._role = supervisor, role
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def defects(self) -> Defects:
        """Where what nothing foresaw is noted."""
        return self._supervisor.defects

    def loop(self, name: str, work: Callable[[], Awaitable[None]]) -> Loop:
        """Keep `work` going; `name` says what it does, without a tenant: everybody may read it."""
        loop = Loop(name, self._role)
        self._keep(asyncio.create_task(self._supervisor.keep_going(loop, work), name=name))
        return loop

    def spawn(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run an errand once; what it raises and nobody catches is noted as a defect."""
        task = asyncio.create_task(work, name=name)
        self._keep(task)
        task.add_done_callback(self._ended)
        return task

    async def ended(self, within_s: float) -> bool:
        """Whether everything ends by itself within so many seconds."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=within_s)
        return not self._tasks

    async def stop(self) -> None:
        """Cancel everything, and return when it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._tasks)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.defects.note(task.get_name(), error)


def _is_cancelled() -> bool:
    """Whether somebody wants the task that runs now to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
