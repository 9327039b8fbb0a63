"""What was measured: raw and calibrated readings, rollups, calibrations of a series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg import sql

from contracts.reading import SeriesKey, Value
from hub.database.database import Connection, Store
from hub.database.errors import ForeignRowError
from hub.database.refusals import typed
from hub.devices.changes import acting
from hub.devices.overview import restore

__all__ = ["Bin", "Bins", "Readings", "Sample"]


class Bins(StrEnum):
    """Widths of a rollup's bins (UTC)."""

    HOUR = "hourly"
    DAY = "daily"


@dataclass(frozen=True, slots=True)
class Sample:
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


_SERIES = """
SELECT s.id, s.kind FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %s AND s.service = %s AND s.index = %s AND s.characteristic = %s"""

_SAMPLES = """
SELECT at, value, raw, text FROM dormouse.calibrated
WHERE series_id = %s AND at >= %s AND at < %s ORDER BY at"""

_BINS = sql.SQL("""
SELECT start, n, total, low, high, last FROM dormouse.{}
WHERE series_id = %s AND start >= %s AND start < %s ORDER BY start""")

# Room is made first: what is being replaced ends where the new one begins, and begins where it
# ends.
_MAKE_ROOM = """
WITH gone AS (
    DELETE FROM dormouse.calibration
    WHERE series_id = %(series)s AND during && tstzrange(%(since)s, %(until)s)
    RETURNING series_id, during, gain, offset_by
)
INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
SELECT series_id, rest, gain, offset_by
FROM gone, unnest(tstzmultirange(during) - tstzmultirange(tstzrange(%(since)s, %(until)s))) AS rest
"""
_CALIBRATE = """
INSERT INTO dormouse.calibration (series_id, during, gain, offset_by)
VALUES (%(series)s, tstzrange(%(since)s, %(until)s), %(gain)s, %(offset)s)"""


class Readings:
    """The readings of one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def samples(self, key: SeriesKey, since: datetime, until: datetime) -> list[Sample]:
        """A series' readings, since <= at < until, in order. Raises ForeignRowError."""
        async with self._store.tenant(self._tenant) as conn:
            series, kind = await _number(conn, key)
            rows = await (await conn.execute(_SAMPLES, [series, since, until])).fetchall()
        # A calibrated integer need not be one.
        calibrated = "float" if kind == "int" else kind
        return [
            Sample(at, restore(calibrated, value, text), restore(kind, raw, text))
            for at, value, raw, text in rows
        ]

    async def bins(
        self, key: SeriesKey, since: datetime, until: datetime, width: Bins = Bins.HOUR
    ) -> list[Bin]:
        """A series' rollup, bins that begin since <= start < until. Raises ForeignRowError."""
        async with self._store.tenant(self._tenant) as conn:
            series, _ = await _number(conn, key)
            query = _BINS.format(sql.Identifier(width.value))
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
    ) -> None:
        """Let gain * value + offset hold from `since` until `until` (None: open).

        What held then before is cut back; the rollups it touches are made anew. `who` did this goes
        into the device's history. Raises
        ForeignRowError, and StoreError for a number that is not allowed.
        """
        async with self._store.tenant(self._tenant) as conn:
            series, _ = await _number(conn, key)
            facts = {"series": series, "since": since, "until": until}
            if who is not None:
                await acting(conn, who, "calibrated it")
            with typed():
                await conn.execute(_MAKE_ROOM, facts)
                await conn.execute(_CALIBRATE, {**facts, "gain": gain, "offset": offset})


async def _number(conn: Connection, key: SeriesKey) -> tuple[int, str]:
    parts = [key.device, key.service, key.index, key.characteristic]
    row = await (await conn.execute(_SERIES, parts)).fetchone()
    if row is None:
        raise ForeignRowError(f"no series {key.topic}")
    return row[0], row[1]
