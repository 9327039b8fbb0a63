"""Where the readings of one tenant are stored: numbers, partitions, one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors as pg

from contracts.reading import ClockReference, Reading
from hub.database.arrays import Column, bools, float8s, instants, int4s, texts
from hub.database.database import Connection, Database, TenantDatabase
from hub.database.errors import RefusedValueError, UnknownTenantError
from hub.database.lease.fence import Fence
from hub.database.queries import Queries
from hub.ingest.catalogue import Catalogue, Number
from hub.ingest.errors import NoPartitionError, ReadingRefusedError, UnknownNumberError
from hub.ingest.sources import SourceNotes

__all__ = ["IntakeRepository", "encoded", "ensure_partitions_ahead", "takes_writes"]

_QUERIES = Queries.of("hub.ingest")

_COUNTS = ("stored", "held", "shadowed", "repeated", "quarantined")
_MONTHS_AHEAD = 2  # so that the hub may be away at the turn of a month

_ENCODERS: tuple[Callable[[Sequence[Any]], Column], ...] = (
    int4s, int4s, instants, float8s, texts, texts, int4s, bools,
)  # fmt: skip


def encoded(*columns: Sequence[Any]) -> list[Column]:
    """The parameters of dormouse.store_readings, in its order."""
    return [encode(values) for encode, values in zip(_ENCODERS, columns, strict=True)]


async def ensure_partitions_ahead(database: Database) -> None:
    """Make the partitions of this month and the next ones. Raises DatabaseAwayError."""
    async with database.nobody() as conn:
        await conn.execute(_QUERIES["ensure_partitions_ahead"], [_MONTHS_AHEAD])


async def takes_writes(database: Database) -> None:
    """Have the database commit something, to disk as with readings. Raises DatabaseAwayError."""
    async with database.nobody() as conn:
        await conn.execute(_QUERIES["take_number"])


class IntakeRepository:
    """One tenant's intake. Every method raises DatabaseAwayError besides what it names.

    `settled` says whether the clock that dates readings is known to be right: until it is, each
    reading is noted, so that it can be dated again; and so are those that waited here while the
    clock was set, which `corrects` knows. `fence` is of the lease under which is stored.
    """

    def __init__(
        self,
        database: TenantDatabase,
        settled: Callable[[], bool] = lambda: True,
        corrects: Callable[[ClockReference], bool] = lambda _: False,
        fence: Fence | None = None,
    ) -> None:
        self._database, self._fence = database, fence
        self._settled = settled
        self._corrects = corrects
        self._catalogue, self._sources = Catalogue(), SourceNotes()

    @property
    def tenant(self) -> str:
        """Whose readings these are."""
        return self._database.tenant

    async def ensure_tenant(self) -> None:
        """Make the tenant where it is missing; numbers that were known are looked up anew."""
        self.forget_numbers()
        await self._database.database.ensure_tenant(self.tenant)

    async def ensure_partitions_ahead(self) -> None:
        """Make the partitions of this month and the next ones."""
        await ensure_partitions_ahead(self._database.database)

    async def ensure_partitions(self, instants: Iterable[datetime]) -> None:
        """Make the partitions of the months of these instants."""
        months = {instant.strftime("%Y-%m-15T00:00:00Z") for instant in instants}
        async with self._database.database.nobody() as conn:
            for month in sorted(months):
                await conn.execute(_QUERIES["ensure_partition"], [month])

    def knows(self, reading: Reading) -> bool:
        """Whether the number of a reading's series is remembered."""
        return self._catalogue.get(reading.series) is not None

    def forget_numbers(self) -> None:
        """A device's key was given to another: look the numbers of series up anew."""
        self._catalogue.forget()
        self._sources.forget()

    async def store(self, readings: Sequence[Reading]) -> Mapping[str, int]:
        """Database readings, all or none; how many were stored, held, shadowed and so on.

        Raises WriteConflictError, NoPartitionError, UnknownNumberError, ReadingRefusedError.
        """
        try:
            return await self._store(readings)
        except pg.CheckViolation as error:
            if "no partition" in str(error):
                raise NoPartitionError from error
            raise ReadingRefusedError(_line(error)) from error
        except (UnknownTenantError, pg.ForeignKeyViolation) as error:
            raise UnknownNumberError(_line(error)) from error
        except (psycopg.IntegrityError, RefusedValueError) as error:
            raise ReadingRefusedError(_line(error)) from error

    async def _store(self, readings: Sequence[Reading]) -> Mapping[str, int]:
        forgotten = self._catalogue.forgotten
        async with self._database.transaction(pipelined=True) as conn:
            if self._fence is not None:
                await self._fence.close(conn)
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
            row = await (await conn.execute(_QUERIES["store_readings"], columns)).fetchone()
            sources = await self._sources.note(conn, readings, numbers)
            clocks = {reading.clock for reading in readings if reading.clock is not None}
            noted = {clock for clock in clocks if self._corrects(clock)}
            if not self._settled():
                noted = clocks
            if noted:
                await self._note_arrivals(conn, readings, numbers, noted)
        if forgotten == self._catalogue.forgotten:  # no key was given to another meanwhile
            self._catalogue.keep(new)
        self._sources.keep(sources)
        return {name: n for name, n in zip(_COUNTS, row or (), strict=False) if n}

    async def _note_arrivals(
        self,
        conn: Connection,
        readings: Sequence[Reading],
        numbers: Sequence[Number | None],
        noted: Collection[ClockReference],
    ) -> None:
        dated: dict[ClockReference, list[tuple[int, datetime]]] = {}
        for reading, number in zip(readings, numbers, strict=True):
            if number is not None and reading.clock in noted and reading.clock is not None:
                dated.setdefault(reading.clock, []).append((number.series, reading.at))
        for clock, arrived in dated.items():
            series, times = zip(*arrived, strict=True)
            await conn.execute(
                _QUERIES["note_arrivals"],
                [clock.boot, clock.offset, int4s(series), instants(times)],
            )


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
