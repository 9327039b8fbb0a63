"""What the tests' hubs are filled with, and the database of a running one."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

from contracts.reading import Reading, SeriesKey
from hub.database.database import Database
from hub.database.postgres import Postgres
from hub.devices.repository import DeviceRepository
from tests.hub.ingest.test_ingest import stored

NOW = datetime.now(UTC).replace(microsecond=0)
HOURS = 48
EVERY_S = 600

TEMPERATURE = "TemperatureSensor/CurrentTemperature"
EVIL = "<script>alert('x')</script>"


def temperature(device):
    return SeriesKey(device, "TemperatureSensor", 0, "CurrentTemperature")


async def fill(store, tenant, prefix):
    """A sensor with two days of readings and a hole in them, a switch, a name for a script."""
    begin = NOW - timedelta(hours=HOURS)
    count = HOURS * 3600 // EVERY_S
    await stored(store, [
        Reading(temperature(f"{prefix}1"), 20 + n / 100, begin + timedelta(seconds=n * EVERY_S))
        for n in range(count) if not 100 <= n < 120
    ], tenant)  # fmt: skip
    await report(store, tenant, f"{prefix}1", NOW)
    await stored(store, [
        Reading(SeriesKey(f"{prefix}2", "Switch", 0, "On"), True, NOW - timedelta(hours=1)),
        Reading(SeriesKey(f"{prefix}2", "AccessoryInformation", 0, "Name"), EVIL, NOW),
    ], tenant)  # fmt: skip


async def report(store, tenant, device, at):
    """A device says how it is, and when it wakes next."""
    said = {"next_wake_s": EVERY_S, "battery_mv": 2900, "firmware": "1.0.0", "rssi": -60}
    await DeviceRepository(store.of(tenant)).report(device, said, at, EVERY_S)


@contextlib.asynccontextmanager
async def store_of(hub):
    """The hub's own database, as the application sees it."""
    async with Database(Postgres(hub.data_dir / "postgres").app_url) as store:
        yield store
