"""HomeKit's state in the database: JSON by area and key, one transaction a change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.homekit.values import BadValue, parse
from contracts.reading import SeriesKey, Value
from hub.database.arrays import texts
from hub.database.database import Connection, Database, TenantDatabase
from hub.database.key_value import KeyValueStore
from hub.database.lease.fence import Fence
from hub.database.queries import Queries
from hub.homekit.state import AccessoryRecord, BridgeRecord, PresenceRecord, Saved, StateChange

__all__ = ["BridgePortRepository", "HomeKitRepository"]

_QUERIES = Queries.of("hub.homekit")


_AREAS = ["accessory", "bridge", "presence", "value"]


class HomeKitRepository:
    """HomeKitState of one tenant; `fence` is of the lease under which its bridges run."""

    def __init__(self, database: TenantDatabase, fence: Fence | None = None) -> None:
        self._database, self._fence = database, fence

    async def load(self) -> Saved:
        """Everything kept; a value that its characteristic no longer takes is left out.

        Of a value that was kept too late (Keeper) the newest reading counts.
        """
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["load_state"], [_AREAS])).fetchall()
            newest = await (await conn.execute(_QUERIES["newest_values"])).fetchall()
        saved = Saved()
        for area, key, value in rows:
            match area:
                case "bridge":
                    saved.bridges.append(BridgeRecord.model_validate(value))
                case "accessory":
                    saved.accessories.append(AccessoryRecord.model_validate(value))
                case "presence":
                    saved.presence.append(PresenceRecord.model_validate(value))
                case _:
                    _put_value(saved, key, value)
        for *parts, kind, number, text, at in newest:
            key = SeriesKey(*parts)
            if key in saved.measured and saved.measured[key] < at:
                heard = number if kind == "float" else text if number is None else int(number)
                _put_value(saved, _name(key), {"value": heard, "at": at.isoformat()})
        return saved

    async def save(self, change: StateChange) -> None:
        """Keep a change; it is committed when this returns."""
        async with self._database.transaction(pipelined=True) as conn:
            if self._fence is not None:
                # Ids of one that slept while another had the bridges would be given twice.
                await self._fence.close(conn)
            if forgotten := list(change.forgotten):
                await conn.execute(_QUERIES["forget_devices"], {"devices": forgotten})
            await _save(conn, "bridge", {str(r.number): _json(r) for r in change.bridges})
            await _save(conn, "accessory", {r.device: _json(r) for r in change.accessories})
            await _save(conn, "presence", {r.device: _json(r) for r in change.presence})
            await _save(
                conn,
                "value",
                {_name(k): _heard(v, change.measured.get(k)) for k, v in change.values.items()},
            )


async def _save(conn: Connection, area: str, values: Mapping[str, Any]) -> None:
    if values:
        # In one order always, so that two writers cannot wait for each other.
        keys = sorted(values)
        documents = texts([json.dumps(values[key]) for key in keys])
        await conn.execute(_QUERIES["save_state"], [area, texts(keys), documents])


def _json(record: BridgeRecord | AccessoryRecord | PresenceRecord) -> dict[str, Any]:
    return record.model_dump(mode="json")


def _name(key: SeriesKey) -> str:
    return f"{key.device}/{key.service}/{key.index}/{key.characteristic}"


def _heard(value: Value, at: datetime | None) -> Any:
    return value if at is None else {"value": value, "at": at.isoformat()}


def _put_value(saved: Saved, name: str, stored: Any) -> None:
    device, service, index, characteristic = name.split("/")
    # Earlier versions kept the value alone.
    heard = stored if isinstance(stored, dict) else {"value": stored}
    try:
        # jsonb keeps 1e300 as an integer; the characteristic says what it was.
        parsed = parse(service, characteristic, heard["value"])
    except BadValue:
        return
    key = SeriesKey(device, service, int(index), characteristic)
    saved.values[key] = parsed
    if "at" in heard:
        saved.measured[key] = datetime.fromisoformat(heard["at"])


class BridgePortRepository:
    """The port of each tenant's first bridge."""

    _AREA = "homekit-port"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, tenant: str) -> int:
        """The kept port; 0 where there is none yet."""
        return int((await self._values(tenant).load(self._AREA)).get("first", 0))

    async def save(self, tenant: str, port: int) -> None:
        """Keep it."""
        await self._values(tenant).save(self._AREA, {"first": port})

    def _values(self, tenant: str) -> KeyValueStore:
        return KeyValueStore(self._database.of(tenant), "homekit")
