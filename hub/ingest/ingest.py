"""Readings into the database in batches; a message is done when its readings are committed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from contracts import topics
from contracts.reading import Reading
from hub.database.database import TenantDatabase
from hub.database.errors import DatabaseAwayError, WriteConflictError
from hub.errors import HubError
from hub.ingest.errors import NoPartitionError, ReadingRefusedError, UnknownNumberError
from hub.ingest.repository import IntakeRepository
from hub.runtime.retry import reason, retrying
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["Ingest"]

log = logging.getLogger(__name__)

_BATCH = 1000  # readings a transaction: larger gains less than a tenth and delays the first
_LINGER = 0.010  # s: a third of the CPU a message, still under 20 ms to the commit
_BACK_OFF = (0.1, 5.0)  # s: first and longest pause while readings cannot be stored


@dataclass(frozen=True, slots=True)
class _Message:
    readings: Sequence[Reading]
    done: Callable[[], None]


class Ingest:
    """Gathers readings of one tenant, commits them, then says so.

    `on_commit` gets every reading of a committed batch, in order: those stored and those that the
    database held already, so for each (device, boot) the highest `seq` among them is what the
    device may forget. While the database is away, or a fault of ours keeps a batch from being
    stored, everything is kept and tried again for ever; a fault is noted as a defect.

    `counts` has how many readings were: stored, held (same identity), shadowed (plain topic of a
    device that sends $batch), repeated (redelivered), quarantined (impossible time), refused (the
    database will never take them; logged).
    """

    def __init__(
        self,
        database: TenantDatabase,
        on_commit: Callable[[Sequence[Reading]], None] | None = None,
        *,
        linger: float = _LINGER,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._repository = IntakeRepository(database)
        self._on_commit = on_commit
        self._linger = linger
        self._waiting: deque[_Message] = deque()
        self._pending = 0
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._stopping = False
        self.counts: Counter[str] = Counter()

    @property
    def pending(self) -> int:
        """Readings that are not committed yet."""
        return self._pending

    async def start(self) -> None:
        """Begin to commit; the tenant and this month's partitions are made where missing."""
        await self._repository.ensure_tenant()
        await self._repository.ensure_partitions_ahead()
        self._stopping = False
        self._tasks.loop("committing readings", self._run)

    async def stop(self, timeout: float = 3.0) -> None:  # noqa: ASYNC109  # a bound, not a way to cancel
        """Commit what waits, for at most `timeout` seconds; the rest is not acknowledged."""
        self._stopping = True
        self._wake.set()
        self._full.set()
        if not await self._tasks.ended(timeout):
            log.warning("the database did not take %d readings; not acknowledged", self._pending)
        await self._tasks.stop()

    def forget_numbers(self) -> None:
        """A device's key was given to another: look the numbers of series up anew."""
        self._repository.forget_numbers()

    def put(self, readings: Sequence[Reading], done: Callable[[], None]) -> None:
        """Take a message's readings; `done` is called on the loop once they are committed."""
        self._waiting.append(_Message(readings, done))
        self._pending += len(readings)
        self._wake.set()
        if self._pending >= _BATCH:
            self._full.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if self._pending < _BATCH and not self._stopping:
                # Not wait_for, which in Python 3.11 may swallow a cancellation.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._linger):
                        await self._full.wait()
            while batch := self._take():
                await self._commit(batch)
            self._wake.clear()
            self._full.clear()
            if self._stopping and not self._waiting:
                return
            if self._waiting:
                self._wake.set()

    def _take(self) -> list[_Message]:
        batch: list[_Message] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].readings) <= _BATCH):
            message = self._waiting.popleft()
            size += len(message.readings)
            batch.append(message)
        return batch

    async def _commit(self, batch: Sequence[_Message]) -> None:
        readings = [reading for message in batch for reading in message.readings]
        try:
            if readings:
                await self._store_all(readings)
        except BaseException:
            self._waiting.extendleft(reversed(batch))
            self._wake.set()
            raise
        self._pending -= len(readings)
        if self._on_commit is not None and readings:
            self._on_commit(readings)
        for message in batch:
            try:
                message.done()
            except Exception as error:  # noqa: BLE001  # noted: the others are to be acknowledged
                self._tasks.defects.note("acknowledging readings", error)

    async def _store_all(self, readings: Sequence[Reading]) -> None:
        first, longest = _BACK_OFF
        retry = retrying([DatabaseAwayError], first=first, longest=longest, waiting=self._away)
        await retry(self._store_or_refuse, readings)

    def _away(self, error: BaseException) -> None:
        log.warning("database away (%s); %d readings wait", reason(error), self._pending)

    async def _store_or_refuse(self, readings: Sequence[Reading]) -> None:
        """Database once more after each remedy, until all are stored or refused."""
        remedy: Callable[[], Awaitable[None]] | None = None
        while True:
            try:
                if remedy is not None:
                    await remedy()
                    remedy = None
                return self.counts.update(await self._repository.store(readings))
            except WriteConflictError:  # two writers met: the same again succeeds
                continue
            except (NoPartitionError, UnknownNumberError, ReadingRefusedError) as error:
                remedy = self._remedy(error, readings)
                if remedy is None:
                    return await self._divide(readings, error)

    def _remedy(
        self, error: HubError, readings: Sequence[Reading]
    ) -> Callable[[], Awaitable[None]] | None:
        """What to do before the readings are stored again; None where some are at fault."""
        if isinstance(error, NoPartitionError):
            return partial(self._repository.ensure_partitions, [r.at for r in readings])
        if isinstance(error, UnknownNumberError) and self._repository.knows(readings[0]):
            # Another database has come up under us: its numbers are others.
            return self._repository.ensure_tenant
        return None

    async def _divide(self, readings: Sequence[Reading], error: Exception) -> None:
        """Find the reading that the database refuses, store the others."""
        if len(readings) == 1:
            self.counts["refused"] += 1
            log.error("reading of %s refused: %s", topics.state(readings[0].series), error)
            return
        middle = len(readings) // 2
        await self._store_all(readings[:middle])
        await self._store_all(readings[middle:])
