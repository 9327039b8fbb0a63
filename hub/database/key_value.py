"""Small things that must survive a restart: JSON by area and key, of one tenant.

HomeKit's aids, iids, pairing code, setup id, pairings and last values live here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.types.json import Jsonb

from hub.database.database import Store

__all__ = ["Memory"]


class Memory:
    """The remembered values of one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def load(self, area: str) -> dict[str, Any]:
        """All of an area, by key."""
        async with self._store.tenant(self._tenant) as conn:
            found = await conn.execute(
                "SELECT key, value FROM dormouse.homekit WHERE area = %s ORDER BY key", [area]
            )
            return dict(await found.fetchall())

    async def save(self, area: str, values: Mapping[str, Any]) -> None:
        """Keep these values (JSON: None, numbers, text, lists, objects), over what was there."""
        keys = sorted(values)
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(
                """INSERT INTO dormouse.homekit (tenant_id, area, key, value)
                   SELECT dormouse.current_tenant(), %s, * FROM unnest(%s::text[], %s::jsonb[])
                   ON CONFLICT (tenant_id, area, key) DO UPDATE SET value = excluded.value""",
                [area, keys, [Jsonb(values[key]) for key in keys]],
            )

    async def delete(self, area: str, keys: Iterable[str]) -> None:
        """Forget these keys."""
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(
                "DELETE FROM dormouse.homekit WHERE area = %s AND key = ANY(%s)",
                [area, list(keys)],
            )
