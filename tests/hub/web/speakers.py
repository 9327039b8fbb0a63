"""Devices at protocol level for the pages' tests, and what people call them."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import AsyncIterator

from hub.database.database import Database
from hub.database.postgres import Postgres
from hub.devices.changes import DeviceChanges
from hub.devices.glance import glance
from hub.places.repository import PlaceRepository
from tests.support.hub import HubProcess
from tests.support.publisher import Publisher

TEMPERATURE = "TemperatureSensor/CurrentTemperature"


@contextlib.asynccontextmanager
async def device(hub: HubProcess, name: str = "") -> AsyncIterator[Publisher]:
    """A connected device with an account, its id random."""
    port, enrol = hub.facts["mqtt_port"], hub.facts["enrol_port"]
    made = Publisher(name or f"dev_{secrets.token_hex(4)}", port, enrol)
    await made.enrol()
    try:
        yield made
    finally:
        await made.close()


async def tell(made: Publisher, what: str, value: object) -> None:
    """Publish a value on its plain topic; returns when the hub has it."""
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    await made.send(f"HomeKit/{made.device}/{what}", text.encode(), tag=0)
    await made.drain()


@contextlib.asynccontextmanager
async def store_of(hub: HubProcess) -> AsyncIterator[Database]:
    """The running hub's database, as another hub process would use it."""
    async with Database(Postgres(hub.data_dir / "postgres").app_url) as store:
        yield store


async def call_it(hub: HubProcess, key: str, name: str, *path: str) -> None:
    """Name a device and put it into a place, from the outside in."""
    async with store_of(hub) as store:
        places, parent = PlaceRepository(store.of("home")), None
        for place in path:
            known = {(p.parent, p.name): p.place for p in (await glance(store.of("home"))).places}
            parent = known.get((parent, place)) or await places.add(place, parent)
        changes = DeviceChanges(store.of("home"), "ann")
        await changes.name(key, name)
        await changes.place(key, parent)
