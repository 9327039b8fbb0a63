"""A home to begin with: tenants with places, devices and readings, from a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contracts.reading import Reading, SeriesKey
from hub.database.database import Database, TenantDatabase
from hub.database.errors import StoreError
from hub.devices.repository import DeviceRepository
from hub.ingest.ingest import Ingest
from hub.places.repository import PlaceRepository

__all__ = ["FIXTURE", "load_fixture"]

FIXTURE = Path(__file__).parent / "fixtures" / "home.json"


async def load_fixture(database: Database, file: Path = FIXTURE) -> None:
    """Load tenants with places, devices and readings. Raises StoreError for a file that is none.

    The form is that of fixtures/home.json: by tenant, places as a tree of names, devices with the
    path of their place and readings as [age in seconds, value].
    """
    tenants = _read(file)
    for tenant, parts in tenants.items():
        await database.ensure_tenant(tenant)
        places = await _places(PlaceRepository(database.of(tenant)), parts.get("places", {}))
        devices = DeviceRepository(database.of(tenant))
        for device, facts in parts.get("devices", {}).items():
            await devices.add(device, facts.get("name"), places.get(facts.get("place", "")))
        await _readings(database.of(tenant), parts.get("devices", {}))


def _read(file: Path) -> dict[str, Any]:
    try:
        fixture: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"fixture {file}: {error}") from None
    return fixture


async def _places(
    places: PlaceRepository, names: dict[str, Any], parent: int | None = None, path: str = ""
) -> dict[str, int]:
    numbers = {}
    for name, below in names.items():
        here = f"{path}/{name}" if path else name
        numbers[here] = await places.add(name, parent)
        numbers |= await _places(places, below, numbers[here], here)
    return numbers


async def _readings(database: TenantDatabase, devices: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    ingest = Ingest(database)
    await ingest.start()
    for device, facts in devices.items():
        for name, rows in facts.get("readings", {}).items():
            service, characteristic = name.split("/")
            key = SeriesKey(device, service, 0, characteristic)
            readings = [Reading(key, value, now - timedelta(seconds=age)) for age, value in rows]
            ingest.put(readings, lambda: None)
    await ingest.stop(timeout=60)
