"""Readings into the database in batches; a message is done when its readings are committed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors as pg

from contracts.reading import Reading
from hub.database.arrays import Column, bools, float8s, instants, int4s, texts
from hub.database.database import Store
from hub.database.errors import AWAY, UnknownTenantError
from hub.ingest.catalogue import Catalogue
from hub.runtime.retry import retrying
from hub.runtime.supervisor import Role, Supervisor

__all__ = ["Ingest", "encoded"]

log = logging.getLogger(__name__)

_BATCH = 1000  # readings a transaction: larger gains less than a tenth and delays the first
_LINGER = 0.010  # s: a third of the CPU a message, still under 20 ms to the commit
_BACK_OFF = (0.1, 5.0)  # s: first and longest pause while the database is away
# Faults of a reading, which no repetition cures. Everything else is the database's or ours: the
# readings wait.
_REFUSED = (psycopg.DataError, psycopg.IntegrityError)
# Two writers met: the same again succeeds.
_AGAIN = (pg.DeadlockDetected, pg.SerializationFailure)

_STORE = """
SELECT * FROM dormouse.store_readings(
    %b::int4[], %b::int4[], %b::timestamptz[], %b::float8[], %b::text[], %b::text[], %b::int4[],
    %b::bool[])"""


_ENCODERS: tuple[Callable[[Sequence[Any]], Column], ...] = (
    int4s, int4s, instants, float8s, texts, texts, int4s, bools,
)  # fmt: skip


def encoded(*columns: Sequence[Any]) -> list[Column]:
    """The parameters of dormouse.store_readings, in its order."""
    return [encode(values) for encode, values in zip(_ENCODERS, columns, strict=True)]


@dataclass(frozen=True, slots=True)
class _Message:
    readings: Sequence[Reading]
    done: Callable[[], None]


class Ingest:
    """Gathers readings of one tenant, commits them, then says so.

    `on_commit` gets every reading of a committed batch, in order: those stored and those that the
    database held already, so for each (device, boot) the highest `seq` among them is what the
    device may forget. While the database is away everything is kept and tried again for ever.

    `counts` has how many readings were: stored, held (same identity), shadowed (plain topic of a
    device that sends $batch), repeated (redelivered), quarantined (impossible time), refused (the
    database will never take them; logged).
    """

    def __init__(
        self,
        store: Store,
        tenant: str,
        on_commit: Callable[[Sequence[Reading]], None] | None = None,
        *,
        linger: float = _LINGER,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._on_commit = on_commit
        self._linger = linger
        self._catalogue = Catalogue()
        self._waiting: deque[_Message] = deque()
        self._pending = 0
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._tasks = (supervisor or Supervisor()).tasks(Role.INTAKE)
        self._stopping = False
        self.counts: Counter[str] = Counter()

    @property
    def pending(self) -> int:
        """Readings that are not committed yet."""
        return self._pending

    async def start(self) -> None:
        """Begin to commit; the tenant and this month's partitions are made where missing."""
        await self._store.ensure_tenant(self._tenant)
        async with self._store.nobody() as conn:
            await conn.execute("SELECT dormouse.ensure_partitions_ahead(2)")
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
        self._catalogue.forget()

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
        retry = retrying(AWAY, first=first, longest=longest, waiting=self._away)
        await retry(self._store_or_refuse, readings)

    def _away(self, error: BaseException) -> None:
        log.warning("database away (%s); %d readings wait", _line(error), self._pending)

    async def _store_or_refuse(self, readings: Sequence[Reading]) -> None:
        """Store once more after each remedy, until all are stored or refused."""
        while True:
            try:
                return await self._store_once(readings)
            except _AGAIN:
                continue
            except pg.CheckViolation as error:
                if "no partition" not in str(error):
                    return await self._divide(readings, error)
                await self._make_partitions(readings)
            except (UnknownTenantError, pg.ForeignKeyViolation) as error:
                if self._catalogue.get(readings[0].series) is None:
                    return await self._divide(readings, error)
                await self._begin_anew()
            except _REFUSED as error:
                return await self._divide(readings, error)

    async def _begin_anew(self) -> None:
        """Another database has come up under us: its numbers are others."""
        self._catalogue.forget()
        await self._store.ensure_tenant(self._tenant)

    async def _divide(self, readings: Sequence[Reading], error: Exception) -> None:
        """Find the reading that the database refuses, store the others."""
        if len(readings) == 1:
            self.counts["refused"] += 1
            log.error("reading of %s refused: %s", readings[0].series.topic, _line(error))
            return
        middle = len(readings) // 2
        await self._store_all(readings[:middle])
        await self._store_all(readings[middle:])

    async def _make_partitions(self, readings: Sequence[Reading]) -> None:
        months = {reading.at.strftime("%Y-%m-15T00:00:00Z") for reading in readings}
        async with self._store.nobody() as conn:
            for month in sorted(months):
                await conn.execute("SELECT dormouse.ensure_partition(%s::timestamptz)", [month])

    async def _store_once(self, readings: Sequence[Reading]) -> None:
        async with self._store.tenant(self._tenant, pipelined=True) as conn:
            new = await self._catalogue.resolve(conn, ((r.series, r.value) for r in readings))
            numbers = [new.get(r.series) or self._catalogue.get(r.series) for r in readings]
            columns = encoded(
                [number and number.series for number in numbers],
                [number and number.device for number in numbers],
                [r.at for r in readings],
                [None if isinstance(r.value, str) else float(r.value) for r in readings],
                [r.value if isinstance(r.value, str) else None for r in readings],
                [r.identity and r.identity.boot for r in readings],
                [r.identity and r.identity.seq for r in readings],
                [r.redelivered or None for r in readings],
            )
            cursor = await conn.execute(_STORE, columns)
            row = await cursor.fetchone()
        self._catalogue.keep(new)
        names = ("stored", "held", "shadowed", "repeated", "quarantined")
        self.counts.update({name: n for name, n in zip(names, row or (), strict=False) if n})


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
