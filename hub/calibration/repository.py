"""The calibrations that a tenant's database holds."""

from __future__ import annotations

from contracts.reading import SeriesKey
from hub.calibration.span import CalibrationSpan
from hub.database.database import TenantDatabase
from hub.database.queries import Queries

__all__ = ["CalibrationRepository", "CalibrationTable"]

_QUERIES = Queries.of("hub.calibration")

CalibrationTable = dict[SeriesKey, tuple[CalibrationSpan, ...]]
"""By series, in the order of time; a series without any is not there."""


class CalibrationRepository:
    """The calibrations of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def all(self) -> CalibrationTable:
        """Those of every series. Raises DatabaseAwayError."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["calibrations_of_tenant"])).fetchall()
        table: CalibrationTable = {}
        for device, service, index, characteristic, *span in rows:
            key = SeriesKey(device, service, index, characteristic)
            table[key] = (*table.get(key, ()), CalibrationSpan(*span))
        return table
