"""Attributes written past the hub's own ways: what another program, or an older hub, left there."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from hub.database.database import TenantDatabase

__all__ = ["write_attributes"]

_MERGE = """
INSERT INTO dormouse.device_state AS s (tenant_id, device_id, attributes)
SELECT tenant_id, id, %(values)s FROM dormouse.device WHERE key = %(device)s
ON CONFLICT (tenant_id, device_id) DO UPDATE SET attributes = s.attributes || excluded.attributes
"""


async def write_attributes(database: TenantDatabase, device: str, values: dict[str, Any]) -> None:
    async with database.transaction() as conn:
        done = await conn.execute(_MERGE, {"device": device, "values": Jsonb(values)})
    assert done.rowcount == 1
