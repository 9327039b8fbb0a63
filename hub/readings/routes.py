"""Readings of any series over any span: raw or in bins, as JSON, CSV, Parquet or Arrow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from contracts.homekit.quantities import quantity
from hub.api.access import Read, Write
from hub.api.parameters import Instant, SeriesName, series_key, series_name
from hub.api.problems import ProblemError
from hub.devices.routes import SeriesOut, series_out
from hub.devices.service import DeviceService
from hub.live import Live, LiveChange
from hub.readings.exports import Exports
from hub.readings.formats import MEDIA, ResponseFormat, negotiated
from hub.readings.points import COLUMNS, Form, Piece, Resolution, Span, StoredSeries
from hub.readings.service import ReadingService, TenantReadings

__all__ = ["routes"]

MOST_JSON = 200_000
"""Points of a JSON answer: 15 MB, which is what programs still parse at once."""
MOST_SERIES = 50

Point = Annotated[list[bool | int | float | str], Field(min_length=3, max_length=6)]


class ResolutionChoice(StrEnum):
    """Every reading, bins of an hour or a day (UTC), or the finest that is not too many."""

    RAW = "raw"
    HOURLY = "hourly"
    DAILY = "daily"
    AUTO = "auto"


class SeriesPoints(BaseModel):
    """One series' points, each a list as `columns` says, and where some are missing.

    `gaps` go from the last reading there is to the next one. They are judged by `expected_s`, how
    often a reading was to come; null: the device promises nothing, so no gap can be claimed.
    """

    series: str
    label: str
    unit: str
    kind: str
    expected_s: float | None
    gaps: list[tuple[datetime, datetime]]
    more_gaps: bool
    points: list[Point]


class ReadingsOut(BaseModel):
    """Points of several series. `value` is calibrated, `raw` as measured; bins are calibrated."""

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


class ReadingsQuery(BaseModel, extra="forbid"):
    """Which points, and as what."""

    series: list[SeriesName] = Field(min_length=1, max_length=MOST_SERIES)
    since: Instant | None = Field(None, description="left out: a day before `until`")
    until: Instant | None = Field(None, description="left out: now")
    resolution: ResolutionChoice = ResolutionChoice.AUTO
    points: int = Field(2000, ge=1, le=MOST_JSON, description="of a series at most, for auto")
    as_of: Instant | None = Field(
        None, description="calibrated as was known at that instant; raw only"
    )
    format: ResponseFormat | None = Field(None, description="over the Accept header")


@dataclass(frozen=True, slots=True)
class _Ask:
    """A checked request for points."""

    readings: TenantReadings
    series: list[StoredSeries]
    span: Span
    resolution: Resolution

    def pieces(self, exports: Exports, series: StoredSeries, form: Form) -> AsyncIterator[Piece]:
        return exports.paced(self.readings.pieces(series, self.span, self.resolution, form))


def routes(readings: ReadingService, devices: DeviceService, live: Live) -> APIRouter:
    """/series, /readings and /calibrations."""
    router = APIRouter(tags=["readings"])
    steps = _Steps(readings, devices, live)
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
    router.put("/calibrations", status_code=204)(steps.calibrate)
    return router


class _Steps:
    """What the routes do."""

    def __init__(self, readings: ReadingService, devices: DeviceService, live: Live) -> None:
        self._readings, self._devices, self._live = readings, devices, live
        self._exports = Exports()

    async def every_series(self, caller: Read) -> list[SeriesOut]:
        """Every series of every device with its newest value."""
        glance = await self._devices.glance(caller.tenant)
        return [series_out(value) for device in glance.devices for value in device.values]

    async def readings(
        self, request: Request, caller: Read, query: Annotated[ReadingsQuery, Query()]
    ) -> StreamingResponse:
        """Points of up to 50 series. JSON has at most 200,000 points; the others have no limit."""
        form = negotiated(query.format, request.headers.get("accept", ""))
        ask = await _checked(self._readings.of(caller.tenant), query)
        if form is ResponseFormat.JSON:
            await _refuse_too_many(ask)
        chunks = (
            _json(ask, self._exports)
            if form is ResponseFormat.JSON
            else _file(ask, self._exports, form)
        )
        # Begun before the answer is: what fails at once is answered with what it is.
        first = await anext(chunks)
        headers = {"Cache-Control": "no-store"}
        if form is not ResponseFormat.JSON:
            headers["Content-Disposition"] = f'attachment; filename="readings.{form.value}"'
        return StreamingResponse(_again(first, chunks), headers=headers, media_type=MEDIA[form])

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
        self._live.publish(caller.tenant, LiveChange("calibration", body.series))


async def _checked(readings: TenantReadings, query: ReadingsQuery) -> _Ask:
    until = query.until or datetime.now(UTC)
    since = query.since or until - timedelta(days=1)
    if since >= until:
        raise ProblemError(422, "query.since: must lie before query.until")
    keys = list(dict.fromkeys(series_key(name) for name in query.series))
    series = await readings.find(keys, query.as_of)
    ask = _Ask(readings, series, Span(since, until), Resolution.RAW)
    ask = await _choose(ask, query.resolution, query.points)
    if query.as_of is not None and ask.resolution is not Resolution.RAW:
        raise ProblemError(
            422, "query.as_of: bins hold the present calibration: ask for resolution=raw"
        )
    return ask


async def _choose(ask: _Ask, choice: ResolutionChoice, points: int) -> _Ask:
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


async def _refuse_too_many(ask: _Ask) -> None:
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


async def _json(ask: _Ask, exports: Exports) -> AsyncIterator[bytes]:
    with exports.one(ask.readings.tenant):
        head = {
            "since": ask.span.since.isoformat(),
            "until": ask.span.until.isoformat(),
            "resolution": ask.resolution.value,
            "columns": COLUMNS[ask.resolution],
        }
        before = json.dumps(head)[:-1] + ', "series": ['
        for number, series in enumerate(ask.series):
            about = json.dumps(await _about(ask, series))[:-1]
            before += f'{", " if number else ""}{about}, "points": ['
            async for piece in ask.pieces(exports, series, Form.JSON):
                yield f"{before}{piece.text}".encode()
                before = ","
            # A series without any points still has its head before it.
            before = ("" if before == "," else before) + "]}"
        yield f"{before}]}}".encode()


async def _about(ask: _Ask, series: StoredSeries) -> dict[str, Any]:
    gaps = await ask.readings.gaps(series, ask.span, ask.resolution)
    kind = quantity(series.key)
    return {
        "series": series_name(series.key),
        "label": kind.label,
        "unit": kind.unit,
        "kind": series.kind,
        "expected_s": gaps.expected_s,
        "gaps": [[began.isoformat(), ended.isoformat()] for began, ended in gaps.ranges],
        "more_gaps": gaps.more,
    }


async def _file(ask: _Ask, exports: Exports, form: ResponseFormat) -> AsyncIterator[bytes]:
    with exports.one(ask.readings.tenant):
        if form is ResponseFormat.CSV:
            yield (",".join(("series", *COLUMNS[ask.resolution])) + "\n").encode()
            for series in ask.series:
                async for piece in ask.pieces(exports, series, Form.CSV):
                    yield (piece.text + "\n").encode()
            return
        # 30 MB and half a second: only for those who want it, and not on the loop.
        columns = await asyncio.to_thread(_columns)
        made = columns.ParquetFile if form is ResponseFormat.PARQUET else columns.ArrowFile
        texts = any(series.kind == "string" for series in ask.series)
        names = [series_name(series.key) for series in ask.series]
        file = made(names, ask.resolution, texts=texts)
        for number, series in enumerate(ask.series):
            async for piece in ask.pieces(exports, series, Form.PACKED):
                if done := file.add(number, piece, series.kind):
                    yield done
        yield file.end()


def _columns() -> Any:
    from hub.readings import columns  # noqa: PLC0415  # see above

    return columns
