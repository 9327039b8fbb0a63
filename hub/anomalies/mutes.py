"""Oddities that somebody asked not to be told of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contracts import topics
from contracts.reading import SeriesKey
from hub.database.database import TenantDatabase
from hub.database.errors import ForeignRowError
from hub.database.queries import Queries

__all__ = ["MuteRepository"]

_QUERIES = Queries.of("hub.anomalies")


class MuteRepository:
    """The mutes of one tenant, by series and kind of oddity."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def all(self) -> Mapping[tuple[SeriesKey, str], datetime | None]:
        """What is muted now, and until when; None: for good."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["mutes"])).fetchall()
        return {(SeriesKey(*row[:4]), row[4]): row[5] for row in rows}

    async def mute(self, key: SeriesKey, kind: str, until: datetime | None, who: str) -> None:
        """Say nothing of it until then; None: for good. Raises ForeignRowError."""
        async with self._database.transaction() as conn:
            inserted = await conn.execute(
                _QUERIES["mute"], _facts(key, kind) | {"until": until, "who": who}
            )
        if inserted.rowcount != 1:
            raise ForeignRowError(f"no series {topics.state(key)}")

    async def unmute(self, key: SeriesKey, kind: str) -> None:
        """Speak of it again."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["unmute"], _facts(key, kind))


def _facts(key: SeriesKey, kind: str) -> dict[str, object]:
    return {
        "device": key.device,
        "service": key.service,
        "index": key.index,
        "characteristic": key.characteristic,
        "kind": kind,
    }
