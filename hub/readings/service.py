"""What may be asked and done about readings: by pages and by the API alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.homekit.quantities import Shape, quantity
from contracts.reading import SeriesKey
from hub.calibration.known import Calibrations
from hub.calibration.span import CalibrationSpan
from hub.database.database import Database, TenantDatabase
from hub.database.replica.replica import ReadDatabase, Replica
from hub.devices.write import writable
from hub.errors import HubError
from hub.readings.bins.repository import BinRepository, edges_of
from hub.readings.coverage import CoverageRepository, SeriesGaps
from hub.readings.csv_dialect import PLAIN, CsvDialect
from hub.readings.marks import Mark, SourceChange, split
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
from hub.readings.sources import source_changes
from hub.readings.sparks import sparks
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
    """The readings of one tenant, asked in `database` and changed in `primary`."""

    def __init__(
        self,
        database: TenantDatabase,
        calibrations: Calibrations,
        primary: TenantDatabase | None = None,
    ) -> None:
        self._database, self._calibrations = database, calibrations
        self._primary = primary or database
        self._points, self._coverage = PointRepository(database), CoverageRepository(database)
        self._placed = PlacedRepository(database)
        self._bins = BinRepository(database, self._primary)

    @property
    def tenant(self) -> str:
        """The tenant's name."""
        return self._database.tenant

    @property
    def age(self) -> float | None:
        """How old what is read may be, in seconds; None: it is what there is now."""
        return self._database.age if isinstance(self._database, ReadDatabase) else None

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
        marks: Mapping[int, Sequence[Mark]] | None = None,
    ) -> AsyncIterator[tuple[int, Piece]]:
        """Points of several series, one after the other, each in order, with its series' index.

        Of those found in a place what was measured there. Texts have readings only, no bins. Where
        there is a text, CSV has a column for it. Bins and times are of the zone; None: of UTC.
        `marks`, by a series' index, begin a piece each, with the first point from there on.
        """
        marks = marks or {}
        texts = any(one.kind == "string" for one in series)
        csv = CsvForm(dialect, texts, bool(marks))
        zone = zone or ZoneInfo("UTC")
        if resolution is not Resolution.RAW:
            waiting, of = "", -1
            for first, those, part, text in _bin_parts(series, span, resolution, zone, marks):
                waiting, of = _both(waiting if first == of else "", text), first
                found = self._bins.pieces(those, part, resolution, form, zone, csv)
                async for number, piece in found:
                    yield first + number, replace(piece, mark=waiting) if waiting else piece
                    waiting = ""
            return
        for number, one in enumerate(series):
            waiting = ""
            for part, text in _raw_parts(one, span, marks.get(number, ())):
                waiting = _both(waiting, text)
                async for piece in self._points.pieces(one, part, form, zone=zone, csv=csv):
                    yield number, replace(piece, mark=waiting) if waiting else piece
                    waiting = ""

    async def sparks(
        self, keys: Sequence[SeriesKey], until: datetime
    ) -> dict[SeriesKey, list[float | None]]:
        """The day before `until` of each series in 48 half-hourly means, None where there is none.

        Raises ForeignRowError naming a series that is not there.
        """
        series = await self._points.find(keys) if keys else []
        means = await sparks(self._database, series, until) if series else {}
        return {one.key: means[one.id] for one in series if one.id in means}

    async def source_changes(
        self, series: Sequence[StoredSeries], span: Span
    ) -> dict[int, list[SourceChange]]:
        """Where within a span sources came to say their numbers otherwise, by a series' number."""
        return await source_changes(self._database, series, span)

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
        await PointRepository(self._primary).find([key])
        if not calibratable(key):
            raise NotCalibratableError(key)
        holds = await ReadingRepository(self._primary).calibrate(
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


def _both(text: str, more: str) -> str:
    return "; ".join(filter(None, (text, more)))


def _raw_parts(
    series: StoredSeries, span: Span, marks: Sequence[Mark]
) -> Iterator[tuple[Span, str]]:
    """The parts that count, cut where something is marked; what happened in between comes next."""
    done = 0
    for part in series.parts(span):
        due = [mark for mark in marks[done:] if mark.at < part.until]
        done += len(due)
        yield from split(part, due)


def _bin_parts(
    series: Sequence[StoredSeries],
    span: Span,
    resolution: Resolution,
    zone: ZoneInfo,
    marks: Mapping[int, Sequence[Mark]],
) -> Iterator[tuple[int, Sequence[StoredSeries], Span, str]]:
    """Series to be asked together, the first one's index, their span and what is marked at it."""
    first = 0
    for number in sorted(marks):
        if first < number:
            yield first, series[first:number], span, ""
        for part, text in split(span, marks[number], edges_of(resolution, zone, span)):
            yield number, series[number : number + 1], part, text
        first = number + 1
    if first < len(series):
        yield first, series[first:], span, ""


class ReadingService:
    """The readings of all tenants; `replica` is the standby that may be asked, if there is one."""

    def __init__(
        self,
        database: Database,
        calibrations: Calibrations | None = None,
        replica: Replica | None = None,
    ) -> None:
        self._database, self._calibrations = database, calibrations or Calibrations(database)
        self._replica = replica

    def of(self, tenant: str) -> TenantReadings:
        """One tenant's."""
        return TenantReadings(self._database.of(tenant), self._calibrations)

    def to_read(self, tenant: str) -> TenantReadings:
        """One tenant's for one answer, which may come from a standby; ask within `asked`."""
        if self._replica is None:
            return self.of(tenant)
        primary = self._database.of(tenant)
        return TenantReadings(self._replica.of(tenant), self._calibrations, primary)
