"""What was measured: raw and calibrated readings, rollups, calibrations of a series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import sql

from contracts import topics
from contracts.reading import SeriesKey, Value
from hub.database.database import Connection, TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.devices.changes import acting
from hub.devices.overview import restore

__all__ = ["Bin", "Bins", "CalibratedReading", "ReadingRepository"]

_QUERIES = Queries.of("hub.readings")


class Bins(StrEnum):
    """Widths of a rollup's bins (UTC)."""

    HOUR = "hourly"
    DAY = "daily"


@dataclass(frozen=True, slots=True)
class CalibratedReading:
    """One reading: `value` calibrated as of its own time, `raw` as measured."""

    at: datetime
    value: Value
    raw: Value


@dataclass(frozen=True, slots=True)
class Bin:
    """What a series did from `start` on for a bin's width; calibrated values."""

    start: datetime
    n: int
    total: float
    low: float
    high: float
    last: float

    @property
    def mean(self) -> float:
        """The readings' mean, each of the same weight."""
        return self.total / self.n


class ReadingRepository:
    """The readings of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def samples(
        self, key: SeriesKey, since: datetime, until: datetime
    ) -> list[CalibratedReading]:
        """A series' readings, since <= at < until, in order. Raises ForeignRowError."""
        async with self._database.transaction() as conn:
            series, kind = await _number(conn, key)
            facts = {"series": series, "since": since, "until": until}
            rows = await (await conn.execute(_QUERIES["samples"], facts)).fetchall()
        # A calibrated integer need not be one.
        calibrated = "float" if kind == "int" else kind
        return [
            CalibratedReading(at, restore(calibrated, value, text), restore(kind, raw, text))
            for at, value, raw, text in rows
        ]

    async def bins(
        self, key: SeriesKey, since: datetime, until: datetime, width: Bins = Bins.HOUR
    ) -> list[Bin]:
        """A series' rollup, bins that begin since <= start < until. Raises ForeignRowError."""
        async with self._database.transaction() as conn:
            series, _ = await _number(conn, key)
            query = _QUERIES["bins"].format(rollup=sql.Identifier(width.value))
            rows = await (await conn.execute(query, [series, since, until])).fetchall()
        return [Bin(*row) for row in rows]

    async def calibrate(
        self,
        key: SeriesKey,
        *,
        gain: float = 1.0,
        offset: float = 0.0,
        since: datetime | None = None,
        until: datetime | None = None,
        who: str | None = None,
    ) -> tuple[datetime | None, datetime | None]:
        """Let gain * value + offset hold from `since` until `until` (None: open).

        What held then before is cut back; the rollups it touches are made anew. Where the readings
        around an end are gone, it is the edge of their bin: from when until when it holds. `who`
        did this goes into the device's history. Raises ForeignRowError, and DatabaseError for a
        number that is not allowed.
        """
        async with self._database.transaction() as conn:
            series, _ = await _number(conn, key)
            facts: dict[str, Any] = {"series": series, "since": since, "until": until}
            row = await (await conn.execute(_QUERIES["edges_of_calibration"], facts)).fetchone()
            if row is not None:
                facts |= {"since": row[0], "until": row[1]}
            if who is not None:
                await acting(conn, who, "calibrated it")
            with typed():
                await conn.execute(_QUERIES["split_calibration"], facts)
                await conn.execute(_QUERIES["forget_calibrations"], facts)
                await conn.execute(_QUERIES["cut_calibrations"], facts)
                await conn.execute(_QUERIES["calibrate"], {**facts, "gain": gain, "offset": offset})
        return facts["since"], facts["until"]


async def _number(conn: Connection, key: SeriesKey) -> tuple[int, str]:
    parts = [key.device, key.service, key.index, key.characteristic]
    row = await (await conn.execute(_QUERIES["series_of_key"], parts)).fetchone()
    if row is None:
        raise ForeignRowError(f"no series {topics.state(key)}")
    return row[0], row[1]
