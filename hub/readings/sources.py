"""When the sources of series came to say their numbers otherwise, as the database has it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.reading import SourceScale
from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.readings.marks import SourceChange
from hub.readings.points import Span, StoredSeries

__all__ = ["source_changes"]

_QUERIES = Queries.of("hub.readings")


async def source_changes(
    database: TenantDatabase, series: Sequence[StoredSeries], span: Span
) -> dict[int, list[SourceChange]]:
    """The changes at since < t < until by a series' number, in order. Raises DatabaseAwayError."""
    facts = {"series": [one.id for one in series], "since": span.since, "until": span.until}
    async with database.transaction() as conn:
        rows = await (await conn.execute(_QUERIES["source_changes"], facts)).fetchall()
    found: dict[int, list[SourceChange]] = {}
    for number, at, unit, gain, offset, *before in rows:
        change = SourceChange(at, SourceScale(unit, gain, offset), SourceScale(*before))
        found.setdefault(number, []).append(change)
    return found
