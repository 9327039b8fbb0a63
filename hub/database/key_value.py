"""Small things that must survive a restart: JSON by area and key, each of one part of the hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hub.database.arrays import texts
from hub.database.database import TenantDatabase
from hub.database.queries import Queries

__all__ = ["KeyValueStore"]

_QUERIES = Queries.of("hub.database")


class KeyValueStore:
    """What one part of the hub, the `owner`, remembers of one tenant."""

    def __init__(self, database: TenantDatabase, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def load(self, area: str) -> dict[str, Any]:
        """All of an area, by key."""
        async with self._database.transaction() as conn:
            cursor = await conn.execute(_QUERIES["values_of_area"], [self._owner, area])
            return dict(await cursor.fetchall())

    async def save(self, area: str, values: Mapping[str, Any]) -> None:
        """Keep these values (JSON: None, numbers, text, lists, objects), over what was there."""
        keys = sorted(values)
        documents = texts([json.dumps(values[key]) for key in keys])
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["save_values"], [self._owner, area, texts(keys), documents])

    async def delete(self, area: str, keys: Iterable[str]) -> None:
        """Forget these keys."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["delete_values"], [self._owner, area, list(keys)])
