"""What was measured before what is known already, and came after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from contracts.reading import Reading, SeriesKey

__all__ = ["LateReadings"]

# Sooner it comes in order, but for a few that the next look has.
_LATE = timedelta(seconds=60)
# Of a tenant: what a look takes is bounded.
_MOST = 10_000


class LateReadings:
    """Of each series the earliest reading that came late since somebody took note.

    In memory: what comes while the hub is away is looked for at its start.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._earliest: dict[str, dict[SeriesKey, datetime]] = {}

    def stored(self, tenant: str, readings: Sequence[Reading]) -> None:
        """These are in the database."""
        before = self._clock() - _LATE
        for reading in readings:
            if reading.at < before:
                earliest = self._earliest.setdefault(tenant, {})
                known = earliest.get(reading.series)
                if reading.at < known if known is not None else len(earliest) < _MOST:
                    earliest[reading.series] = reading.at

    def take(self, tenant: str) -> dict[SeriesKey, datetime]:
        """What there is of a tenant's; it is forgotten with that."""
        return self._earliest.pop(tenant, {})
