"""How many series a device has: each is a row, an accessory's service, and a line of pages."""

from __future__ import annotations

from contracts.reading import SeriesKey
from hub.runtime.problems import Problems

__all__ = ["SeriesLimit"]


class SeriesLimit:
    """Counts the series that devices say while the hub runs; what goes beyond is a problem."""

    # HAP allows 100 services in an accessory, and ours have two values each; those of definitions
    # and indexes together are 35,000.
    MOST = 256

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._series: dict[str, set[SeriesKey]] = {}

    def admits(self, series: SeriesKey) -> bool:
        """Whether a reading of the series is taken; one that is not is noted."""
        known = self._series.setdefault(series.device, set())
        if series not in known:
            if len(known) >= self.MOST:
                more = f"{series.name} would be more than {self.MOST} series: refused"
                self._problems.note("series", series.device, more)
                return False
            known.add(series)
        return True
