"""What may be asked and done about readings: by pages and by the API alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.homekit.quantities import Shape, quantity
from contracts.reading import SeriesKey
from hub.calibration.known import Calibrations
from hub.calibration.span import CalibrationSpan
from hub.database.database import Database, TenantDatabase
from hub.devices.write import writable
from hub.errors import HubError
from hub.readings.bins.repository import BinRepository
from hub.readings.coverage import CoverageRepository, SeriesGaps
from hub.readings.csv_dialect import PLAIN, CsvDialect
from hub.readings.placed import PlacedRepository
from hub.readings.points import (
    CsvForm,
    Form,
    Piece,
    PointRepository,
    Resolution,
    Span,
    StoredSeries,
)
from hub.readings.reports import ReportDay, report_days
from hub.readings.repository import ReadingRepository
from hub.readings.state_at import state_at

__all__ = ["NotCalibratableError", "ReadingService", "TenantReadings", "calibratable"]


class NotCalibratableError(HubError):
    """Only what a device measures on a scale has a gain and an offset."""

    http_status = 422

    def __init__(self, key: SeriesKey) -> None:
        self.key = key
        why = "is set, not measured" if writable(key) else "is a state or a text"
        super().__init__(
            f"{key.full_name} {why}: only what is measured on a scale can be calibrated"
        )


def calibratable(key: SeriesKey) -> bool:
    """Whether a series is of something that is measured on a scale."""
    return quantity(key).shape is Shape.CURVE and not writable(key)


class TenantReadings:
    """The readings of one tenant."""

    def __init__(self, database: TenantDatabase, calibrations: Calibrations) -> None:
        self._database, self._calibrations = database, calibrations
        self._points, self._coverage = PointRepository(database), CoverageRepository(database)
        self._placed, self._bins = PlacedRepository(database), BinRepository(database)

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

    async def find_in_place(
        self, place: int, span: Span, characteristic: str | None = None
    ) -> list[StoredSeries]:
        """The series of devices that were in a place, or below it, and when they were there.

        Raises ForeignRowError for a place that is not there.
        """
        return await self._placed.find(place, span, characteristic)

    async def count(
        self,
        series: Sequence[StoredSeries],
        span: Span,
        most: int,
        resolution: Resolution = Resolution.RAW,
    ) -> int:
        """How many points there are; no more than `most` + 1 are counted."""
        return await self._points.count(series, span, most, resolution)

    async def pieces(  # noqa: PLR0917  # each says what is asked
        self,
        series: Sequence[StoredSeries],
        span: Span,
        resolution: Resolution,
        form: Form,
        zone: ZoneInfo | None = None,
        dialect: CsvDialect = PLAIN,
    ) -> AsyncIterator[tuple[int, Piece]]:
        """Points of several series, one after the other, each in order, with its series' index.

        Of those found in a place what was measured there. Texts have readings only, no bins. Where
        there is a text, CSV has a column for it. Bins and times are of the zone; None: of UTC.
        """
        csv = CsvForm(dialect, texts=any(one.kind == "string" for one in series))
        zone = zone or ZoneInfo("UTC")
        if resolution is not Resolution.RAW:
            async for found in self._bins.pieces(series, span, resolution, form, zone, csv):
                yield found
            return
        for number, one in enumerate(series):
            for part in one.parts(span):
                async for piece in self._points.pieces(one, part, form, zone=zone, csv=csv):
                    yield number, piece

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
    ) -> tuple[datetime | None, datetime | None]:
        """Let gain * value + offset hold from `since` until `until` (None: open).

        What held then before is cut back. Everything that shows values has it when this returns,
        which is with when it holds: where the readings around `since` are gone, from the beginning
        of their bin on.
        Raises ForeignRowError, NotCalibratableError, and DatabaseError for a number that is not
        allowed.
        """
        await self._points.find([key])
        if not calibratable(key):
            raise NotCalibratableError(key)
        holds = await ReadingRepository(self._database).calibrate(
            key, gain=gain, offset=offset, since=since, until=until, who=who
        )
        await self._calibrations.follow(self.tenant)
        return holds

    def every_calibration(self) -> list[tuple[SeriesKey, Sequence[CalibrationSpan]]]:
        """What every calibrated series is calibrated by."""
        return self._calibrations.every(self.tenant)

    def calibrations(self, key: SeriesKey) -> Sequence[CalibrationSpan]:
        """What a series is calibrated by, in the order of time."""
        return self._calibrations.of(self.tenant, key)


class ReadingService:
    """The readings of all tenants."""

    def __init__(self, database: Database, calibrations: Calibrations | None = None) -> None:
        self._database, self._calibrations = database, calibrations or Calibrations(database)

    def of(self, tenant: str) -> TenantReadings:
        """One tenant's."""
        return TenantReadings(self._database.of(tenant), self._calibrations)
