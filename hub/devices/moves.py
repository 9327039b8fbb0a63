"""Moves of a device that happened earlier than they were told, and where it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from psycopg.types.range import Range

from contracts.reading import SeriesKey
from hub.database.database import Connection, TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.devices.changes import acting
from hub.devices.placements import MoveTimeError, OverlappingStayError, Stay, told

__all__ = ["MoveRepository"]

_QUERIES = Queries.of("hub.devices")


class MoveRepository:
    """Where the devices of one tenant were when, as far as somebody told."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def stays(self, device: str) -> list[Stay]:
        """Where a device was, in order; the last may go on.

        By the id of one that was replaced: until it was.
        """
        async with self._database.transaction() as conn:
            rows = await conn.execute(_QUERIES["stays_by_id"], {"device": device})
            return [Stay(*row) for row in await rows.fetchall()]

    async def measured_in(self) -> list[tuple[int, SeriesKey]]:
        """Every place with the series of devices that are or were in it."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["series_by_place"])).fetchall()
        return [(place, SeriesKey(*key)) for place, *key in rows]

    async def paths(self) -> dict[int, list[str]]:
        """Every place's names from the outside in, as they are called today."""
        async with self._database.transaction() as conn:
            return dict(await (await conn.execute(_QUERIES["paths_of_places"])).fetchall())

    async def move(
        self,
        device: str,
        place: int | None,
        *,
        since: datetime,
        until: datetime | None,
        who: str,
    ) -> str:
        """Tell that a device was in a place (None: in none) from an instant on; see `told`.

        By the id that it had then: one that was replaced answers for its time, and where no
        `until` is told its successor goes on there. The id that the device has today. Raises
        MoveTimeError, OverlappingStayError, ForeignRowError.
        """
        _refuse_impossible(since, until, datetime.now(UTC))
        with typed():
            async with self._database.transaction() as conn:
                facts = {"device": device, "at": since}
                row = await (await conn.execute(_QUERIES["hold_device_told"], facts)).fetchone()
                if row is None:
                    raise ForeignRowError(f"no device {device!r} at {since.isoformat()}")
                number, now, ended = row
                if ended is not None and until is not None and until > ended:
                    raise MoveTimeError(
                        f"{device} was replaced by {now} at {ended.isoformat()}: give an `until` "
                        f"that is not after that, and tell of {now} what came then"
                    )
                before = await _stays(conn, number)
                try:
                    after = told(before, place, since, until)
                except OverlappingStayError as error:
                    path = await self.paths()
                    name = " / ".join(path.get(error.stay.place, ["?"]))
                    raise OverlappingStayError(error.stay, device, name) from None
                if after != before:
                    await _keep(conn, number, after, who)
        return str(now)


def _refuse_impossible(since: datetime, until: datetime | None, now: datetime) -> None:
    if since > now or (until is not None and until > now):
        raise MoveTimeError("a move that is told has happened: its times do not lie in the future")
    if until is not None and until <= since:
        raise MoveTimeError("since must lie before until")


async def _stays(conn: Connection, device: int) -> list[Stay]:
    rows = await (await conn.execute(_QUERIES["stays_of_device"], [device])).fetchall()
    return [Stay(*row) for row in rows]


async def _keep(conn: Connection, device: int, stays: list[Stay], who: str) -> None:
    now = stays[-1] if stays and stays[-1].until is None else None
    await acting(conn, who, "moved it")
    facts: dict[str, Any] = {"device": device, "place": now and now.place}
    # The trigger makes a stay of it, which those below take the place of.
    await conn.execute(_QUERIES["move_device_now"], facts)
    await conn.execute(_QUERIES["forget_stays"], facts)
    await conn.execute(
        _QUERIES["keep_stays"],
        facts
        | {
            "places": [stay.place for stay in stays],
            "during": [Range(stay.since, stay.until, "[)") for stay in stays],
        },
    )
