"""The last day of many series in few points: for lines as small as a word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.readings.points import StoredSeries

__all__ = ["SLOTS", "sparks"]

_QUERIES = Queries.of("hub.readings")

SLOTS = 48
"""Points a line has, a half-hour each."""

_SLOT = timedelta(minutes=30)


async def sparks(
    database: TenantDatabase, series: Sequence[StoredSeries], until: datetime
) -> dict[int, list[float | None]]:
    """The mean of each half-hour of the day before `until`, calibrated, by series' number.

    None where nothing was measured; a series without any reading is left out.
    """
    since = until - SLOTS * _SLOT
    facts = {
        "series": [one.id for one in series],
        "since": since,
        "until": until,
        "seconds": _SLOT.total_seconds(),
    }
    found: dict[int, list[float | None]] = {}
    async with database.transaction() as conn:
        rows = await (await conn.execute(_QUERIES["sparks"], facts)).fetchall()
    for number, slot, mean in rows:
        found.setdefault(number, [None] * SLOTS)[min(int(slot), SLOTS - 1)] = round(float(mean), 3)
    return found
