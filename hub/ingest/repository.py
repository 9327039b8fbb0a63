"""Where the readings of one tenant are stored: numbers, partitions, one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors as pg

from contracts.reading import Reading
from hub.database.arrays import Column, bools, float8s, instants, int4s, texts
from hub.database.database import TenantDatabase
from hub.database.errors import RefusedValueError, UnknownTenantError
from hub.database.queries import Queries
from hub.ingest.catalogue import Catalogue
from hub.ingest.errors import NoPartitionError, ReadingRefusedError, UnknownNumberError

__all__ = ["IntakeRepository", "encoded"]

_QUERIES = Queries.of("hub.ingest")

_COUNTS = ("stored", "held", "shadowed", "repeated", "quarantined")
_MONTHS_AHEAD = 2  # so that the hub may be away at the turn of a month

_ENCODERS: tuple[Callable[[Sequence[Any]], Column], ...] = (
    int4s, int4s, instants, float8s, texts, texts, int4s, bools,
)  # fmt: skip


def encoded(*columns: Sequence[Any]) -> list[Column]:
    """The parameters of dormouse.store_readings, in its order."""
    return [encode(values) for encode, values in zip(_ENCODERS, columns, strict=True)]


class IntakeRepository:
    """One tenant's intake. Every method raises DatabaseAwayError besides what it names."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database
        self._catalogue = Catalogue()

    @property
    def tenant(self) -> str:
        """Whose readings these are."""
        return self._database.tenant

    async def ensure_tenant(self) -> None:
        """Make the tenant where it is missing; numbers that were known are looked up anew."""
        self._catalogue.forget()
        await self._database.database.ensure_tenant(self.tenant)

    async def ensure_partitions_ahead(self) -> None:
        """Make the partitions of this month and the next."""
        async with self._database.database.nobody() as conn:
            await conn.execute(_QUERIES["ensure_partitions_ahead"], [_MONTHS_AHEAD])

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
        async with self._database.transaction(pipelined=True) as conn:
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
        self._catalogue.keep(new)
        return {name: n for name, n in zip(_COUNTS, row or (), strict=False) if n}


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
