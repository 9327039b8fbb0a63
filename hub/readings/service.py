"""What may be asked and done about readings: by pages and by the API alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from contracts.reading import SeriesKey
from hub.database.database import Database, TenantDatabase
from hub.readings.coverage import CoverageRepository, SeriesGaps
from hub.readings.points import Form, Piece, PointRepository, Resolution, Span, StoredSeries
from hub.readings.reports import ReportDay, report_days
from hub.readings.repository import ReadingRepository
from hub.readings.state_at import state_at

__all__ = ["ReadingService", "TenantReadings"]


class TenantReadings:
    """The readings of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database
        self._points, self._coverage = PointRepository(database), CoverageRepository(database)

    @property
    def tenant(self) -> str:
        """The tenant's name."""
        return self._database.tenant

    async def find(
        self, keys: Sequence[SeriesKey], as_of: datetime | None = None
    ) -> list[StoredSeries]:
        """The series of these keys, in their order. Raises ForeignRowError naming one there is not.

        With `as_of`, their readings are calibrated as it was known at that instant.
        """
        return await self._points.find(keys, as_of)

    async def count(
        self,
        series: Sequence[StoredSeries],
        span: Span,
        most: int,
        resolution: Resolution = Resolution.RAW,
    ) -> int:
        """How many points there are; no more than `most` + 1 are counted."""
        return await self._points.count(series, span, most, resolution)

    def pieces(
        self, series: StoredSeries, span: Span, resolution: Resolution, form: Form
    ) -> AsyncIterator[Piece]:
        """A series' points in order. A series of texts has readings only, no bins."""
        return self._points.pieces(series, span, resolution, form)

    async def choose(self, series: Sequence[StoredSeries], span: Span, points: int) -> Resolution:
        """The finest resolution at which no series has more than `points`, and which is kept."""
        return await self._coverage.choose(series, span, points)

    async def gaps(self, series: StoredSeries, span: Span, resolution: Resolution) -> SeriesGaps:
        """Where a series' readings are missing in a span, up to now."""
        return await self._coverage.gaps(series, span, resolution)

    async def state_at(self, series: StoredSeries, instant: datetime) -> float | None:
        """The value of a series' last reading before an instant; None without one in 90 days."""
        return await state_at(self._database, series.id, instant)

    async def report_days(self, device: str) -> list[ReportDay]:
        """The last days on which a device reported, in order."""
        return await report_days(self._database, device)

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

        What held then before is cut back. Raises ForeignRowError, and DatabaseError for a number
        that is not allowed.
        """
        await ReadingRepository(self._database).calibrate(
            key, gain=gain, offset=offset, since=since, until=until, who=who
        )


class ReadingService:
    """The readings of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, tenant: str) -> TenantReadings:
        """One tenant's."""
        return TenantReadings(self._database.of(tenant))
