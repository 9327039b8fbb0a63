"""Removing in the database: a transaction a step, each of which leaves everything right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.reading import SeriesKey, Value
from hub.database.database import TenantDatabase
from hub.database.errors import WriteConflictError
from hub.database.queries import Queries
from hub.devices.changes import acting
from hub.devices.overview import restore
from hub.removals.model import (
    NothingToRemoveError,
    Removal,
    RemovalKind,
    RemovalRequest,
    day_of,
    pieces,
)
from hub.runtime.retry import retrying

__all__ = ["RemovalRepository"]

_QUERIES = Queries.of("hub.removals")

# What the database can hold at all.
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
_PAUSES = (0.05, 2.0)  # s: first and longest, where readings come in meanwhile


class RemovalRepository:
    """The removals of one tenant. Each method raises DatabaseAwayError besides what it names."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def begin(self, request: RemovalRequest) -> int:
        """Note that something is to be removed; the removal's number."""
        async with self._database.transaction() as conn:
            row = await (
                await conn.execute(
                    _QUERIES["begin_removal"],
                    {
                        "what": request.what.value,
                        "device": request.device,
                        "series": request.series and request.series.name,
                        "since": request.since,
                        "until": request.until,
                        "who": request.who,
                        "why": request.why,
                    },
                )
            ).fetchone()
        return int(row[0]) if row else 0

    async def carry_out(self, removal: int, request: RemovalRequest) -> None:
        """Remove it, or what is left of it; again without harm."""
        if request.series is not None:
            numbers = [await self.series(request.series)]
        else:
            numbers = [number for number, _ in await self.series_of(request.device)]
        for number in numbers:
            if number is not None:
                await self._readings(removal, number, request)
        if request.what is RemovalKind.SERIES and numbers[0] is not None:
            await self._once("remove_series", request, removal, numbers[0])
        elif request.what is RemovalKind.DEVICE:
            await self._once("remove_device", request, removal, request.device)
        await self._once("end_removal", None, removal)

    async def _readings(self, removal: int, series: int, request: RemovalRequest) -> None:
        reach = await self.reach(series, request.since, request.until)
        if reach is None:
            return
        # What comes meanwhile of a series or a device goes with the series itself.
        for begin, end in pieces(request.since, request.until, *reach):
            await self._once("remove_readings", None, removal, series, begin, end)

    async def _once(self, query: str, request: RemovalRequest | None, *parameters: Any) -> None:
        async def work() -> None:
            async with self._database.transaction() as conn:
                if request is not None:
                    await acting(conn, request.who, request.why or f"removed the {request.what}")
                await conn.execute(_QUERIES[query], parameters)

        first, longest = _PAUSES
        await retrying([WriteConflictError], first=first, longest=longest)(work)

    async def reach(
        self, series: int, since: datetime | None, until: datetime | None
    ) -> tuple[datetime, datetime] | None:
        """The days (UTC) in which there is anything of a series within a span; None: in none."""
        span = {"series": series, "since": since or _FIRST, "until": until or _LAST}
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["reach_of_series"], span)).fetchone()
        if row is None or row[0] is None:
            return None
        first, last = row[0].astimezone(UTC), row[1].astimezone(UTC)
        return day_of(first), day_of(last) + timedelta(days=1)

    async def series(self, key: SeriesKey) -> int | None:
        """A series' number; None where there is none."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["series_of_name"], _parts(key))).fetchone()
        return None if row is None else int(row[0])

    async def series_of(self, device: str) -> list[tuple[int, SeriesKey]]:
        """A device's series with their numbers."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["series_of_device"], [device])).fetchall()
        return [(number, SeriesKey(device, *rest)) for number, *rest in rows]

    async def open_rollout(self, device: str) -> int | None:
        """The rollout that a device is in; None: in none that has not ended for it."""
        async with self._database.transaction() as conn:
            query = _QUERIES["open_rollout_of_device"]
            row = await (await conn.execute(query, [device])).fetchone()
        return None if row is None else int(row[0])

    async def newest(self, key: SeriesKey) -> tuple[Value, datetime] | None:
        """A series' newest value, raw, and when it was measured; None: it has none."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["newest_of_series"], _parts(key))).fetchone()
        return None if row is None else (restore(row[0], row[1], row[2]), row[3])

    async def get(self, number: int) -> Removal:
        """One removal. Raises NothingToRemoveError where there is none."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["removal"], [number])).fetchone()
        if row is None:
            raise NothingToRemoveError(f"there is no removal {number}")
        return _removal(row)

    async def trail(self, device: str | None, most: int) -> list[Removal]:
        """What was removed, of one device or of all, the newest first."""
        wanted = {"device": device, "most": most}
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["removals"], wanted)).fetchall()
        return [_removal(row) for row in rows]

    async def unfinished(self) -> Sequence[Removal]:
        """Those that were begun and not finished, the earliest first."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["unfinished_removals"])).fetchall()
        return [_removal(row) for row in rows]


def _removal(row: tuple[Any, ...]) -> Removal:
    number, what, *rest = row
    return Removal(number, RemovalKind(what), *rest)


def _parts(key: SeriesKey) -> dict[str, Any]:
    return {
        "device": key.device,
        "service": key.service,
        "index": key.index,
        "characteristic": key.characteristic,
    }
