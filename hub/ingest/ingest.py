"""Readings into the database in batches; a message is done when its readings are committed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from contracts import topics
from contracts.reading import ClockReference, Reading
from hub.database.database import TenantDatabase
from hub.database.errors import DatabaseAwayError, WriteConflictError
from hub.database.lease.fence import Fence
from hub.errors import HubError
from hub.ingest.errors import NoPartitionError, ReadingRefusedError, UnknownNumberError
from hub.ingest.receipt import Receipt
from hub.ingest.repository import IntakeRepository
from hub.runtime.retry import reason, retrying
from hub.runtime.supervisor import Loop, PartRole, Supervisor
from hub.runtime.token_bucket import TokenBucket

__all__ = ["Ingest"]

log = logging.getLogger(__name__)

_BATCH = 1000  # readings a transaction: larger gains less than a tenth and delays the first
_LINGER = 0.010  # s: a third of the CPU a message, still under 20 ms to the commit
_TRIES = 64  # transactions to find what is refused of one device's readings
_LOG_LINES = (20, 2)  # lines about refused readings at once, and a minute
_BACK_OFF = (0.1, 5.0)  # s: first and longest pause while readings cannot be stored


@dataclass(frozen=True, slots=True)
class _Message:
    readings: Sequence[Reading]
    done: Callable[[], None]

    def release(self) -> None:
        """Have the broker keep it no longer."""
        if isinstance(self.done, Receipt) and self.done.release is not None:
            self.done.release()

    @property
    def may_go(self) -> bool:
        """Whether nobody bounds how many of these there are, or its device sends it again."""
        if not isinstance(self.done, Receipt):
            return False
        return self.done.release is None or self.readings[0].identity is not None


class Ingest:
    """Gathers readings of one tenant, commits them, then says so.

    `on_commit` gets every reading of a committed batch, in order: those stored and those that the
    database held already, so for each (device, boot) the highest `seq` among them is what the
    device may forget. While the database is away, or a fault of ours keeps a batch from being
    stored, everything is kept and tried again for ever; a fault is noted as a defect.

    `counts` has how many readings were: stored, held (same identity), shadowed (plain topic of a
    device that sends $batch), repeated (redelivered), quarantined (impossible time), refused (the
    database will never take them; logged), dropped (more than `MOST` waited).

    One that cannot store anything, though others can, lets the broker forget what waits here
    (`let_go`, for a Receipt): otherwise its messages would fill what the broker gives us at once.
    """

    # Readings that wait here, some 30 MB: beyond that those are dropped that a device sends again
    # since no $ack came, those of QoS 0, and once we have let go all others.
    MOST = 50_000
    STUCK_S = 10.0

    def __init__(
        self,
        database: TenantDatabase,
        on_commit: Callable[[Sequence[Reading]], None] | None = None,
        *,
        linger: float = _LINGER,
        settled: Callable[[], bool] = lambda: True,
        corrects: Callable[[ClockReference], bool] = lambda _: False,
        fence: Fence | None = None,
        supervisor: Supervisor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._repository = IntakeRepository(database, settled, corrects, fence)
        self._on_commit = on_commit
        self._linger = linger
        self._waiting: deque[_Message] = deque()
        self._pending = 0
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._loop: Loop | None = None
        self._storing: Sequence[_Message] = ()
        self._idle_at = 0.0
        self._clock = clock
        self._stopping = self._gone = False
        self.stuck_since: datetime | None = None
        """Since when nothing can be stored though the database takes writes; None: it can."""
        self.counts: Counter[str] = Counter()
        self._log_lines = TokenBucket(*_LOG_LINES, clock)

    @property
    def pending(self) -> int:
        """Readings that are not committed yet."""
        return self._pending

    @property
    def behind_s(self) -> float:
        """For how long, in seconds, readings have waited without a commit; 0 when none wait."""
        return self._clock() - self._idle_at if self._pending else 0.0

    def let_go(self) -> None:
        """Nothing can be stored: let the broker forget what waits, and all that comes until it can.

        After `STUCK_S` that is told: until then it may be slow alone, as where all begin at once.
        What devices send in batches they keep until their $ack. Anything else is in this process's
        memory alone from here on.
        """
        self._gone = True
        if self.behind_s >= self.STUCK_S:
            if self.stuck_since is None:
                self.stuck_since = datetime.now(UTC) - timedelta(seconds=self.behind_s)
                log.error(
                    "readings of %s cannot be stored, those of others can: %d wait, kept in memory",
                    self._repository.tenant,
                    self._pending,
                )
            if self._loop is not None:
                self._loop.stuck = f"nothing of one tenant was stored for {self.behind_s:.0f} s"
        for message in (*self._storing, *self._waiting):
            message.release()

    async def start(self) -> None:
        """Begin to commit; the tenant and this month's partitions are made where missing."""
        await self._repository.ensure_tenant()
        await self._repository.ensure_partitions_ahead()
        self._stopping = False
        self._loop = self._tasks.loop("committing readings", self._run)

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
        message = _Message(readings, done)
        dropped = self._pending >= self.MOST and (self._gone or message.may_go)
        if self._gone or dropped:
            message.release()
        if dropped:
            self._drop(len(readings))
            return
        if not self._pending:
            self._idle_at = self._clock()
        self._waiting.append(message)
        self._pending += len(readings)
        self._wake.set()
        if self._pending >= _BATCH:
            self._full.set()

    def _drop(self, readings: int) -> None:
        if not self.counts["dropped"]:
            log.error(
                "more than %d readings of %s wait to be stored: further ones are dropped (logged "
                "once, then counted)",
                self.MOST,
                self._repository.tenant,
            )
        self.counts["dropped"] += readings

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
        self._storing = batch
        try:
            if readings:
                await self._store_all(readings)
        except BaseException:
            self._waiting.extendleft(reversed(batch))
            self._wake.set()
            raise
        finally:
            self._storing = ()
        self._went_on(len(readings))
        if self._on_commit is not None and readings:
            self._on_commit(readings)
        for message in batch:
            try:
                message.done()
            except Exception as error:  # noqa: BLE001  # noted: the others are to be acknowledged
                self._tasks.defects.note("acknowledging readings", error)

    def _went_on(self, stored: int) -> None:
        """So many readings wait no longer."""
        self._pending -= stored
        self._idle_at = self._clock()
        self._gone = False
        if self.stuck_since is not None:
            log.warning("readings of %s are stored again", self._repository.tenant)
            self.stuck_since = None
            if self._loop is not None:
                self._loop.stuck = ""

    async def _store_all(self, readings: Sequence[Reading]) -> None:
        """Store what the database takes of these, refuse the rest."""
        error = await self._stored(readings)
        if error is not None:
            await self._divide(readings, error)

    async def _stored(self, readings: Sequence[Reading]) -> HubError | None:
        """Store all or none, for as long as it takes; why the database refuses some for good."""
        first, longest = _BACK_OFF
        retry = retrying([DatabaseAwayError], first=first, longest=longest, waiting=self._away)
        return await retry(self._try, readings)

    def _away(self, error: BaseException) -> None:
        log.warning("database away (%s); %d readings wait", reason(error), self._pending)

    async def _try(self, readings: Sequence[Reading]) -> HubError | None:
        """The same once more after each remedy, until all are stored or some are refused."""
        remedy: Callable[[], Awaitable[None]] | None = None
        while True:
            try:
                if remedy is not None:
                    await remedy()
                    remedy = None
                self.counts.update(await self._repository.store(readings))
            except WriteConflictError:  # two writers met: the same again succeeds
                continue
            except (NoPartitionError, UnknownNumberError, ReadingRefusedError) as error:
                remedy = self._remedy(error, readings)
                if remedy is None:
                    return error
            else:
                return None

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

    async def _divide(self, readings: Sequence[Reading], error: HubError) -> None:
        """Find the readings that the database refuses, store the others.

        Halves of what is refused are tried, one device's at most `_TRIES` times: a device of which
        many are refused loses its others in this batch, and costs nobody more than that.
        """
        of: dict[str, list[Reading]] = {}
        for reading in readings:
            of.setdefault(reading.series.device, []).append(reading)
        if len(of) > 1:
            devices = list(of.values())
            for some in (devices[: len(devices) // 2], devices[len(devices) // 2 :]):
                await self._store_all([reading for one in some for reading in one])
            return
        parts, tries = deque([readings]), _TRIES
        refused: list[Reading] = []
        while parts:
            part = parts.popleft()
            if len(part) == 1 or tries <= 0:
                refused += part
                continue
            for half in (part[: len(part) // 2], part[len(part) // 2 :]):
                tries -= 1
                if (again := await self._stored(half)) is not None:
                    error = again
                    parts.append(half)
        self._refuse(refused, error)

    def _refuse(self, readings: Sequence[Reading], error: HubError) -> None:
        if not readings:
            return
        self.counts["refused"] += len(readings)
        if self._log_lines.take():
            where = topics.state(readings[0].series)
            log.error("%d readings refused (%s, ...): %s", len(readings), where, error)
