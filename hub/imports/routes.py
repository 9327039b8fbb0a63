"""Importing by the API, and the trail of what was imported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from hub.api.access import Admin, Read
from hub.api.parameters import Instant
from hub.api.problems import ProblemError
from hub.imports.model import (
    DateOrder,
    FileFormat,
    HistoryImport,
    ImportOptions,
    ImportReport,
    RepeatedHour,
    StampUnit,
)
from hub.imports.service import ImportService
from hub.imports.targets import names_of
from hub.zones.service import ZoneService, checked_zone

__all__ = ["routes"]

_STALLED_S = 60  # nothing for so long: the sender is taken for gone
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}


class NameOut(BaseModel):
    """What the file has of one name.

    `series`: what it is here; null: nothing, so none of it is imported, and `hint` says what it
    could be, or `problem` why it cannot be what was said. `unit`: what its values were taken to be
    in. Of its `rows` so many were (in a dry run: would be) `stored`; `there` already; `other`: with
    another value, which stays; `gone`: of hours that are kept as means alone; `refused`; `empty`:
    without a value; `outside` of since and until. `overlap`: of those stored, how many lie within
    what was here before. `repeated`: local times that come twice. `low` and `high` in our unit.
    """

    name: str
    series: str | None
    hint: str
    problem: str
    new: bool
    unit: str
    rows: int
    stored: int
    there: int
    other: int
    gone: int
    refused: int
    empty: int
    outside: int
    overlap: int
    repeated: int
    first: datetime | None
    last: datetime | None
    low: float | None
    high: float | None


class RefusedOut(BaseModel):
    """A line that is not imported, and why."""

    line: int
    reason: str


class ReportOut(BaseModel):
    """What a file has, and what became (in a dry run: would become) of it.

    `zone`: of times without an offset. `refused`: the first 200 lines that were, of
    `refused_lines`. `number`: of the import in the trail.
    """

    format: FileFormat
    zone: str
    dry_run: bool
    number: int | None
    lines: int
    stored: int
    names: list[NameOut]
    refused: list[RefusedOut]
    refused_lines: int


class ImportOut(BaseModel):
    """An import: what it was called, by whom, how far it came.

    `finished_at`: null while it is under way, or where it was broken off: `error` says why.
    """

    id: int
    source: str
    format: str
    who: str
    at: datetime
    lines: int
    stored: int
    there: int
    refused: int
    error: str
    finished_at: datetime | None


def routes(imports: ImportService, zones: ZoneService) -> APIRouter:
    """What imports history."""
    router = APIRouter(prefix="/imports", tags=["imports"])
    steps = _Steps(imports, zones)
    router.get("")(steps.trail)
    router.post("", openapi_extra=_BODY)(steps.add)
    return router


class _Steps:
    """What the routes do."""

    def __init__(self, imports: ImportService, zones: ZoneService) -> None:
        self._imports, self._zones = imports, zones

    async def trail(
        self, caller: Read, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[ImportOut]:
        """What was imported, the newest first."""
        return [_out(one) for one in await self._imports.trail(caller.tenant, limit)]

    async def add(  # noqa: PLR0917  # each a parameter of the query
        self,
        request: Request,
        caller: Admin,
        names: Annotated[
            list[str],
            Query(
                alias="map",
                max_length=1000,
                description="theirs=device/Service/Characteristic, with @unit behind or without",
            ),
        ] = [],  # noqa: B006  # FastAPI copies it
        dry_run: Annotated[bool, Query(description="only tell what it would do")] = True,
        form: Annotated[FileFormat, Query(alias="format")] = FileFormat.AUTO,
        zone: Annotated[
            str | None,
            Query(max_length=64, description="of times without an offset; null: the tenant's"),
        ] = None,
        repeated_hour: Annotated[
            RepeatedHour, Query(description="which one a local time is that comes twice")
        ] = RepeatedHour.REFUSE,
        dates: Annotated[DateOrder, Query(description="what 03/04/2026 is")] = DateOrder.ISO,
        stamps: Annotated[
            StampUnit, Query(description="what times count that are numbers")
        ] = StampUnit.AUTO,
        since: Annotated[
            Instant | None, Query(description="what was measured from then on")
        ] = None,
        until: Annotated[Instant | None, Query(description="and before then, alone")] = None,
        source: Annotated[
            str, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$", description="the file's name")
        ] = "",
    ) -> ReportOut:
        """Import history: the body is the file, however large, which is read as it comes.

        CSV, Home Assistant's (history and statistics) and InfluxDB's (annotated CSV, CSV, line
        protocol). What is there already is not stored again. A dry run is the default: with
        dry_run=false readings are stored.
        """
        own = checked_zone(zone) if zone else (await self._zones.of(caller.tenant)).zone
        options = ImportOptions(
            own, form, names_of(names), repeated_hour, dates, stamps, since, until
        )
        file = _body(request)
        try:
            if dry_run:
                report = await self._imports.dry_run(caller.tenant, file, options)
            else:
                report = await self._imports.store(
                    caller.tenant, file, options, source=source, who=caller.name
                )
        except TimeoutError:
            raise ProblemError(
                408, f"nothing came for {_STALLED_S} s; import the same file again"
            ) from None
        except ClientDisconnect:
            raise ProblemError(400, "the file ended before its end") from None
        return _report(report)


async def _body(request: Request) -> AsyncIterator[bytes]:
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout(_STALLED_S):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        yield chunk


def _report(report: ImportReport) -> ReportOut:
    return ReportOut(
        format=report.form,
        zone=report.zone,
        dry_run=report.dry_run,
        number=report.number,
        lines=report.lines,
        stored=report.stored,
        names=[NameOut.model_validate(one, from_attributes=True) for one in report.names],
        refused=[RefusedOut(line=one.line, reason=one.reason) for one in report.refused],
        refused_lines=report.refused_lines,
    )


def _out(one: HistoryImport) -> ImportOut:
    return ImportOut(
        id=one.id, source=one.source, format=one.form, who=one.who, at=one.at, lines=one.lines,
        stored=one.stored, there=one.there, refused=one.refused, error=one.error,
        finished_at=one.finished_at,
    )  # fmt: skip
