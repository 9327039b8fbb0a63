"""The state of a series at an instant: of a switch, say, that last reported long before."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.database.database import TenantDatabase
from hub.database.queries import Queries

__all__ = ["state_at"]

_QUERIES = Queries.of("hub.readings")

# A state older than this tells nothing of the instant; it also bounds the months looked through.
_OLDEST = timedelta(days=90)


async def state_at(database: TenantDatabase, series: int, instant: datetime) -> float | None:
    """The value of a series' last reading before an instant; None without one in 90 days."""
    async with database.transaction() as conn:
        rows = await conn.execute(
            _QUERIES["last_value_before"],
            {"series": series, "before": instant, "since": instant - _OLDEST},
        )
        row = await rows.fetchone()
    return None if row is None else float(row[0])
