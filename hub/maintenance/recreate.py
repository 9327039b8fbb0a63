"""A database made anew: dropped, migrated, with a fixture in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from contracts.reading import Reading, SeriesKey
from hub.database.database import Store
from hub.database.errors import RealReadingsError, StoreError
from hub.database.migrate import migrate
from hub.ingest.ingest import Ingest
from hub.places.repository import Places

__all__ = ["FIXTURE", "count_readings", "load_fixture", "recreate"]

FIXTURE = Path(__file__).parent / "fixtures" / "home.json"


async def count_readings(owner_url: str) -> int:
    """How many readings the database holds, of all tenants, counted a tenant at a time."""
    found = 0
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        there = await (await conn.execute("SELECT to_regclass('dormouse.reading')")).fetchone()
        if there is None or there[0] is None:
            return 0
        tenants = await (await conn.execute("SELECT id FROM dormouse.tenant")).fetchall()
        for (tenant,) in tenants:
            await conn.execute("SELECT set_config('dormouse.tenant', %s, true)", [str(tenant)])
            row = await (await conn.execute("SELECT count(*) FROM dormouse.reading")).fetchone()
            found += row[0] if row else 0
    return found


async def recreate(owner_url: str, *, told: int) -> None:
    """Drop everything and migrate.

    Raises RealReadingsError for a database with readings unless `told` twice.
    """
    readings = await count_readings(owner_url)
    if readings and told < 2:
        raise RealReadingsError(readings)
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        await conn.execute("DROP SCHEMA IF EXISTS dormouse CASCADE")
    await migrate(owner_url)


async def load_fixture(store: Store, file: Path = FIXTURE) -> None:
    """Load tenants with places, devices and readings. Raises StoreError for a file that is none.

    The form is that of fixtures/home.json: by tenant, places as a tree of names, devices with the
    path of their place and readings as [age in seconds, value].
    """
    tenants = _read(file)
    for tenant, parts in tenants.items():
        await store.ensure_tenant(tenant)
        places = await _places(Places(store, tenant), parts.get("places", {}))
        for device, facts in parts.get("devices", {}).items():
            async with store.tenant(tenant) as conn:
                await conn.execute(
                    "INSERT INTO dormouse.device (key, name, location_id) VALUES (%s, %s, %s)",
                    [device, facts.get("name"), places.get(facts.get("place", ""))],
                )
        await _readings(store, tenant, parts.get("devices", {}))


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"fixture {file}: {error}") from None
    return found


async def _places(
    places: Places, names: dict[str, Any], parent: int | None = None, path: str = ""
) -> dict[str, int]:
    found = {}
    for name, below in names.items():
        here = f"{path}/{name}" if path else name
        found[here] = await places.add(name, parent)
        found |= await _places(places, below, found[here], here)
    return found


async def _readings(store: Store, tenant: str, devices: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    ingest = Ingest(store, tenant)
    await ingest.start()
    for device, facts in devices.items():
        for name, rows in facts.get("readings", {}).items():
            service, characteristic = name.split("/")
            key = SeriesKey(device, service, 0, characteristic)
            found = [Reading(key, value, now - timedelta(seconds=age)) for age, value in rows]
            ingest.put(found, lambda: None)
    await ingest.stop(timeout=60)
