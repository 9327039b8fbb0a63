"""Readings of any series over any span: raw or in bins, as JSON, CSV, Parquet or Arrow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from hub.api.access import Read, Write
from hub.api.parameters import Instant, Number, SeriesName, series_key, series_name
from hub.api.problems import ProblemError
from hub.database.replica.replica import asked
from hub.devices.routes import SeriesOut, series_out
from hub.devices.service import DeviceService
from hub.readings import arrow
from hub.readings.csv_dialect import CsvDialect, Decimal, Separator
from hub.readings.exports import Exports
from hub.readings.formats import MEDIA, ResponseFormat, negotiated
from hub.readings.points import Resolution, Span, StoredSeries
from hub.readings.service import ReadingService, TenantReadings
from hub.readings.streamed import PointsAsk, file_chunks, json_chunks
from hub.zones.routes import ZoneName
from hub.zones.service import ZoneService, checked_zone

__all__ = ["routes"]

AGE_HEADER = "Dormouse-Age"
"""Of an answer of a standby that lags: how many seconds ago it was all that there was."""
MOST_JSON = 200_000
"""Points of a JSON answer: 15 MB, which is what programs still parse at once."""
MOST_SERIES = 50
MOST_IN_PLACE = 500
"""Series of a place: a school's."""
Characteristic = Annotated[str, Field(pattern=r"^[A-Za-z0-9.]{1,64}$")]

Point = Annotated[
    list[bool | int | float | str | dict[str, float] | None], Field(min_length=3, max_length=10)
]


class ResolutionChoice(StrEnum):
    """Every reading, bins of an hour or a day, or the finest that is not too many."""

    RAW = "raw"
    HOURLY = "hourly"
    DAILY = "daily"
    AUTO = "auto"


class ScaleOut(BaseModel):
    """From `at` on `value` is gain * raw + offset; 1 and 0: as measured."""

    at: datetime
    gain: float
    offset: float


class SourceOut(BaseModel):
    """From `at` on the source's numbers were in `unit`, and read as gain * number + offset."""

    at: datetime
    unit: str
    gain: float
    offset: float
    text: str


class SeriesPoints(BaseModel):
    """One series' points, each a list as `columns` says, and where some are missing.

    `gaps` go from the last reading there is to the next one. They are judged by `expected_s`, how
    often a reading was to come; null: the device promises nothing, so no gap can be claimed.
    `scale`: where within the span values came to be on another scale, for a calibration began or
    ended there: a step there may be that and no more. `source`: where its device came to measure
    in another unit, or a mapping rule to read it on another scale.
    `there`: the times that its device was in the place that was asked for; null without one.
    """

    series: str
    label: str
    unit: str
    kind: str
    expected_s: float | None
    gaps: list[tuple[datetime, datetime]]
    more_gaps: bool
    scale: list[ScaleOut]
    source: list[SourceOut]
    there: list[tuple[datetime, datetime]] | None
    points: list[Point]


class ReadingsOut(BaseModel):
    """Points of several series. `value` is calibrated, `raw` as measured; bins are calibrated.

    A bin's `mean` weights values by how long they held: until the next one, no longer than the
    series' silence (two and a half times as long as one usually takes to come, 15 minutes at
    least). `seconds` of the bin are known so; `plain_mean` is that of its `n` readings. `increase`
    says by how much a counter rose, over resets, rollovers and replaced devices; `states` how many
    seconds were spent in each state. Null for what is neither.
    """

    zone: str
    age_s: float | None = Field(
        description="null: all that there is now; else it was read from a standby of the database "
        "that lags, and is all that there was so many seconds ago"
    )
    since: datetime
    until: datetime
    resolution: Resolution
    columns: list[str]
    series: list[SeriesPoints]


class CalibrationIn(BaseModel, extra="forbid"):
    """gain * raw + offset holds for a series since <= t < until; null: without end."""

    series: SeriesName
    gain: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)
    since: Instant | None = None
    until: Instant | None = None


class CalibrationOut(BaseModel):
    """gain * raw + offset holds for a series since <= t < until; null: without end.

    Where the readings around an end were gone, it is the edge of their bin.
    """

    series: str
    gain: float
    offset: float
    since: datetime | None
    until: datetime | None


class ReadingsQuery(BaseModel, extra="forbid"):
    """Which points, and as what."""

    series: list[SeriesName] = Field([], max_length=MOST_SERIES)
    place: Number | None = Field(
        None,
        description="what was measured in that place, or in one below it: of every device that "
        "was there, for as long as it was",
    )
    characteristic: Characteristic | None = Field(
        None, description="with `place`: this alone, CurrentTemperature for instance"
    )
    since: Instant | None = Field(None, description="left out: a day before `until`")
    until: Instant | None = Field(None, description="left out: now")
    resolution: ResolutionChoice = ResolutionChoice.AUTO
    points: int = Field(2000, ge=1, le=MOST_JSON, description="of a series at most, for auto")
    as_of: Instant | None = Field(
        None, description="calibrated as was known at that instant; raw only"
    )
    zone: ZoneName | None = Field(
        None,
        description="whose hours and days bins are, and whose clock times are told by; left out: "
        "that of the place, or of where the devices are if they share one, else the tenant's",
    )
    format: ResponseFormat | None = Field(None, description="over the Accept header")
    separator: Separator = Field(",", description="of CSV: , ; or a tab")
    decimal: Decimal = Field(".", description="of CSV: what is before decimals")
    bom: bool = Field(False, description="of CSV: begin with a byte order mark, for Excel")

    @property
    def dialect(self) -> CsvDialect:
        """How CSV is written."""
        return CsvDialect(self.separator, self.decimal, self.bom)


def routes(readings: ReadingService, devices: DeviceService, zones: ZoneService) -> APIRouter:
    """/series, /readings and /calibrations."""
    router = APIRouter(tags=["readings"])
    steps = _Steps(readings, devices, zones)
    router.get("/series")(steps.every_series)
    router.get(
        "/readings",
        response_model=None,
        responses={
            200: {
                "description": "points in order; in all but JSON with a column `series`",
                "model": ReadingsOut,
                "content": {
                    media.partition(";")[0]: {"schema": {"type": "string"}}
                    for form, media in MEDIA.items()
                    if form is not ResponseFormat.JSON
                },
            }
        },
    )(steps.readings)
    router.get("/calibrations")(steps.calibrations)
    router.put("/calibrations", status_code=204)(steps.calibrate)
    return router


class _Steps:
    """What the routes do."""

    def __init__(
        self, readings: ReadingService, devices: DeviceService, zones: ZoneService
    ) -> None:
        self._readings, self._devices, self._zones = readings, devices, zones
        self._exports = Exports()

    async def every_series(self, caller: Read) -> list[SeriesOut]:
        """Every series of every device with its newest value."""
        glance = await self._devices.glance(caller.tenant)
        return [
            series_out(value, settable=self._devices.settable(caller.tenant, value.series))
            for device in glance.devices
            for value in device.values
        ]

    async def readings(
        self, request: Request, caller: Read, query: Annotated[ReadingsQuery, Query()]
    ) -> StreamingResponse:
        """Points of up to 50 series, or of all in a place.

        JSON has at most 200,000 points; the others have no limit.
        """
        form = negotiated(query.format, request.headers.get("accept", ""))
        if form in {ResponseFormat.PARQUET, ResponseFormat.ARROW}:
            arrow.require()
        zone = await self._zone(caller.tenant, query)
        begun = partial(self._begun, caller.tenant, query, zone, form)
        # Begun before the answer is: what fails at once is answered with what it is.
        age, first, chunks = await asked(begun)
        headers = {"Cache-Control": "no-store"}
        if age is not None:
            headers[AGE_HEADER] = f"{age:.0f}"
        if form is not ResponseFormat.JSON:
            headers["Content-Disposition"] = f'attachment; filename="readings.{form.value}"'
        return StreamingResponse(_again(first, chunks), headers=headers, media_type=MEDIA[form])

    async def _begun(
        self, tenant: str, query: ReadingsQuery, zone: ZoneInfo, form: ResponseFormat
    ) -> tuple[float | None, bytes, AsyncIterator[bytes]]:
        """How old the answer is, its first piece and the others."""
        readings = self._readings.to_read(tenant)
        ask = await _checked(readings, query, zone)
        if form is ResponseFormat.JSON:
            await _refuse_too_many(ask)
        chunks = (
            json_chunks(ask, self._exports)
            if form is ResponseFormat.JSON
            else file_chunks(ask, self._exports, form)
        )
        first = await anext(chunks)
        return readings.age, first, chunks

    async def _zone(self, tenant: str, query: ReadingsQuery) -> ZoneInfo:
        if query.zone is not None:
            return checked_zone(query.zone)
        if query.place is not None:
            return await self._zones.of_place(tenant, query.place)
        devices = {series_key(name).device for name in query.series}
        return await self._zones.of_devices(tenant, sorted(devices))

    async def calibrations(
        self,
        caller: Read,
        series: Annotated[SeriesName | None, Query(description="of this series alone")] = None,
    ) -> list[CalibrationOut]:
        """What series are calibrated by, each in the order of time."""
        readings = self._readings.of(caller.tenant)
        wanted = None if series is None else series_key(series)
        return [
            CalibrationOut(
                series=series_name(key),
                gain=span.gain,
                offset=span.offset,
                since=span.since,
                until=span.until,
            )
            for key, spans in readings.every_calibration()
            for span in spans
            if wanted in {None, key}
        ]

    async def calibrate(self, caller: Write, body: CalibrationIn) -> None:
        """Calibrate a series for a span of time, in place of what held there; readings stay raw."""
        if body.since and body.until and body.since >= body.until:
            raise ProblemError(422, "body.since: must lie before body.until")
        await self._readings.of(caller.tenant).calibrate(
            series_key(body.series),
            gain=body.gain,
            offset=body.offset,
            since=body.since,
            until=body.until,
            who=caller.name,
        )


async def _checked(readings: TenantReadings, query: ReadingsQuery, zone: ZoneInfo) -> PointsAsk:
    until = query.until or datetime.now(UTC)
    since = query.since or until - timedelta(days=1)
    if since >= until:
        raise ProblemError(422, "query.since: must lie before query.until")
    series = await _series(readings, query, Span(since, until))
    query.dialect.validate()
    span = Span(since, until)
    sources = await readings.source_changes(series, span)
    ask = PointsAsk(readings, series, span, Resolution.RAW, zone, query.dialect, sources)
    ask = await _choose(ask, query.resolution, query.points)
    if query.as_of is not None and ask.resolution is not Resolution.RAW:
        raise ProblemError(
            422, "query.as_of: bins hold the present calibration: ask for resolution=raw"
        )
    return ask


async def _series(readings: TenantReadings, query: ReadingsQuery, span: Span) -> list[StoredSeries]:
    keys = list(dict.fromkeys(series_key(name) for name in query.series))
    if query.place is None:
        if query.characteristic is not None:
            raise ProblemError(422, "query.characteristic: is of a `place`: give that as well")
        if not keys:
            raise ProblemError(422, "query.series: name one at least, or a `place`")
        return await readings.find(keys, query.as_of)
    there = await readings.find_in_place(query.place, span, query.characteristic)
    if keys:
        within = {one.key: one.within for one in there}
        named = await readings.find(keys, query.as_of)
        return [replace(one, within=within.get(one.key, ())) for one in named]
    # Names and the like have no bins; who wants them names their series.
    there = [one for one in there if one.kind != "string"]
    if len(there) > MOST_IN_PLACE:
        raise ProblemError(
            422,
            f"query.place: {len(there)} series were measured there: name a `characteristic`, or "
            "a place within it",
        )
    if query.as_of is None:
        return there
    then = await readings.find([one.key for one in there], query.as_of)
    return [replace(one, calibration=was.calibration) for one, was in zip(there, then, strict=True)]


async def _choose(ask: PointsAsk, choice: ResolutionChoice, points: int) -> PointsAsk:
    if choice is ResolutionChoice.AUTO:
        resolution = await ask.readings.choose(ask.series, ask.span, points)
        if resolution is not Resolution.RAW and any(s.kind == "string" for s in ask.series):
            resolution = Resolution.RAW  # texts have no bins; the limits say what to do
    else:
        resolution = Resolution(choice.value)
        texts = [one for one in ask.series if one.kind == "string"]
        if texts and resolution is not Resolution.RAW:
            name = series_name(texts[0].key)
            raise ProblemError(422, f"query.resolution: {name} is text, which has no bins: ask raw")
    return replace(ask, resolution=resolution)


async def _refuse_too_many(ask: PointsAsk) -> None:
    counted = await ask.readings.count(ask.series, ask.span, MOST_JSON, ask.resolution)
    if counted > MOST_JSON:
        raise ProblemError(
            422,
            f"more than {MOST_JSON} points, which JSON is not for: ask for a shorter span, for "
            "resolution=hourly, or for format=csv, parquet or arrow, which have no limit",
        )


async def _again(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
