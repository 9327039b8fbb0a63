"""The state that held at an instant: of a switch, say, that was last heard long before."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.database.database import Store

__all__ = ["held_at"]

# A state older than this tells nothing of the instant; it also bounds the months looked through.
_OLDEST = timedelta(days=90)

_LAST = """
SELECT value FROM dormouse.calibrated
WHERE series_id = %s AND at < %s AND at >= %s AND value IS NOT NULL ORDER BY at DESC LIMIT 1"""


async def held_at(store: Store, tenant: str, series: int, instant: datetime) -> float | None:
    """The value of a series' last reading before an instant; None without one in 90 days."""
    async with store.tenant(tenant) as conn:
        found = await conn.execute(_LAST, [series, instant, instant - _OLDEST])
        row = await found.fetchone()
    return None if row is None else float(row[0])
