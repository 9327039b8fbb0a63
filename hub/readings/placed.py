"""What was measured in a place: by every device that was there, for as long as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contracts.reading import SeriesKey
from hub.database.database import TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries
from hub.readings.points import Span, StoredSeries

__all__ = ["PlacedRepository"]

_QUERIES = Queries.of("hub.readings")


class PlacedRepository:
    """The readings of one tenant by where its devices were."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def find(
        self, place: int, span: Span, characteristic: str | None = None
    ) -> list[StoredSeries]:
        """The series of devices that were in a place or below it within a span, with the times.

        These are stays since they began, which may be before the span, and until its end.

        Raises ForeignRowError for a place that is not there.
        """
        facts = {
            "place": place,
            "since": span.since,
            "until": span.until,
            "characteristic": characteristic,
        }
        async with self._database.transaction(pipelined=True) as conn:
            rows = await (await conn.execute(_QUERIES["series_in_place"], facts)).fetchall()
            row = None
            if not rows:
                row = await (await conn.execute(_QUERIES["is_place"], [place])).fetchone()
        if row is not None and not row[0]:
            raise ForeignRowError(f"no place {place}")
        return [
            StoredSeries(number, SeriesKey(*key), kind, calibration, _spans(stays))
            for number, *key, kind, calibration, stays in rows
        ]


def _spans(stays: Any) -> tuple[Span, ...]:
    """Of a multirange; it was cut to a span, so each has both ends."""
    return tuple(Span(_aware(one.lower), _aware(one.upper)) for one in stays)


def _aware(instant: datetime) -> datetime:
    return instant.astimezone(UTC)
