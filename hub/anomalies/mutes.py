"""Oddities that somebody asked not to be told of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contracts.reading import SeriesKey
from hub.database.database import Store
from hub.database.errors import ForeignRowError

__all__ = ["Mutes"]

_ALL = """
SELECT d.key, s.service, s.index, s.characteristic, m.kind, m.until
FROM dormouse.anomaly_mute m
JOIN dormouse.series s ON s.tenant_id = m.tenant_id AND s.id = m.series_id
JOIN dormouse.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
WHERE m.until IS NULL OR m.until > now()"""

_OF = """
FROM dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %(device)s AND s.service = %(service)s AND s.index = %(index)s
  AND s.characteristic = %(characteristic)s"""

_MUTE = f"""
INSERT INTO dormouse.anomaly_mute AS m (tenant_id, series_id, kind, until, who)
SELECT s.tenant_id, s.id, %(kind)s, %(until)s, %(who)s {_OF}
ON CONFLICT (tenant_id, series_id, kind)
DO UPDATE SET until = excluded.until, who = excluded.who, at = clock_timestamp()"""  # constants

_UNMUTE = f"""
DELETE FROM dormouse.anomaly_mute
WHERE kind = %(kind)s AND series_id = (SELECT s.id {_OF})"""  # noqa: S608  # as above


class Mutes:
    """The mutes of one tenant, by series and kind of oddity."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def all(self) -> Mapping[tuple[SeriesKey, str], datetime | None]:
        """What is muted now, and until when; None: for good."""
        async with self._store.tenant(self._tenant) as conn:
            rows = await (await conn.execute(_ALL)).fetchall()
        return {(SeriesKey(*row[:4]), row[4]): row[5] for row in rows}

    async def mute(self, key: SeriesKey, kind: str, until: datetime | None, who: str) -> None:
        """Say nothing of it until then; None: for good. Raises ForeignRowError."""
        async with self._store.tenant(self._tenant) as conn:
            made = await conn.execute(_MUTE, _facts(key, kind) | {"until": until, "who": who})
        if made.rowcount != 1:
            raise ForeignRowError(f"no series {key.topic}")

    async def unmute(self, key: SeriesKey, kind: str) -> None:
        """Speak of it again."""
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(_UNMUTE, _facts(key, kind))


def _facts(key: SeriesKey, kind: str) -> dict[str, object]:
    return {
        "device": key.device,
        "service": key.service,
        "index": key.index,
        "characteristic": key.characteristic,
        "kind": kind,
    }
