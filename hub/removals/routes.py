"""Removing by the API, and the trail of what was removed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from hub.api.access import Admin, Read
from hub.api.parameters import DeviceId, DeviceKey, Instant, SeriesName, series_key
from hub.api.problems import ProblemError
from hub.removals.model import Removal, RemovalKind
from hub.removals.service import RemovalService

__all__ = ["routes"]

_Why = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    Query(description="goes into the trail"),
]


class RemovalOut(BaseModel):
    """Something that was removed, by whom and why.

    `series` is null for a device; `since` and `until` are null where all of it went. `readings`
    counts them. `bins_kept`: bins of an hour or a day that reach beyond the span and whose readings
    were gone before: they are as they were. `finished_at`: null while it is under way.
    """

    id: int
    what: RemovalKind
    device: str
    series: str | None = Field(description="Service/Characteristic or Service/index/Characteristic")
    since: datetime | None
    until: datetime | None
    who: str
    why: str
    at: datetime
    readings: int
    bins_kept: int
    finished_at: datetime | None


def routes(removals: RemovalService) -> APIRouter:
    """What removes readings, series and devices."""
    router = APIRouter(tags=["removals"])
    steps = _Steps(removals)
    router.get("/removals")(steps.removals)
    router.delete("/readings")(steps.readings)
    router.delete("/series")(steps.series)
    router.delete("/devices/{device}")(steps.device)
    return router


class _Steps:
    """What the routes do."""

    def __init__(self, removals: RemovalService) -> None:
        self._removals = removals

    async def removals(
        self,
        caller: Read,
        device: Annotated[DeviceKey | None, Query(description="of this one alone")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[RemovalOut]:
        """What was removed, the newest first."""
        return [_out(one) for one in await self._removals.trail(caller.tenant, device, limit)]

    async def readings(  # noqa: PLR0917  # each a parameter of the query
        self,
        caller: Admin,
        series: Annotated[SeriesName, Query()],
        at: Annotated[Instant | None, Query(description="the reading of that instant")] = None,
        since: Annotated[Instant | None, Query(description="with `until`: of that span")] = None,
        until: Annotated[Instant | None, Query()] = None,
        why: _Why = "",
    ) -> RemovalOut:
        """Remove one reading (`at`), or those of a span (since <= t < until), for good.

        Rollups and the newest value are without them at once. What a device sends again does not
        come back.
        """
        key = series_key(series)
        if at is not None and since is None and until is None:
            done = await self._removals.reading(caller.tenant, key, at, who=caller.name, why=why)
        elif at is None and since is not None and until is not None:
            if since >= until:
                raise ProblemError(422, "query.since: must lie before query.until")
            done = await self._removals.span(
                caller.tenant, key, since, until, who=caller.name, why=why
            )
        else:
            raise ProblemError(422, "query: give `at`, or `since` and `until`")
        return _out(done)

    async def series(
        self, caller: Admin, series: Annotated[SeriesName, Query()], why: _Why = ""
    ) -> RemovalOut:
        """Remove a series with its readings, rollups and calibrations, for good.

        It begins anew when its device says it again.
        """
        key = series_key(series)
        return _out(await self._removals.series(caller.tenant, key, who=caller.name, why=why))

    async def device(self, caller: Admin, device: DeviceId, why: _Why = "") -> RemovalOut:
        """Remove a device with all that is its own, for good.

        Readings, settings, account, accessory. Its history (names, places, who changed them) ends
        with that and stays.
        """
        return _out(await self._removals.device(caller.tenant, device, who=caller.name, why=why))


def _out(removal: Removal) -> RemovalOut:
    return RemovalOut.model_validate(removal, from_attributes=True)
