"""A hub with people, devices of two tenants, and tokens."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio

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
    report = {"next_wake_s": EVERY_S, "battery_mv": 2900, "firmware": "1.0.0", "rssi": -60}
    await DeviceRepository(store.of(tenant)).report(f"{prefix}1", report, NOW, EVERY_S)
    await stored(store, [
        Reading(SeriesKey(f"{prefix}2", "Switch", 0, "On"), True, NOW - timedelta(hours=1)),
        Reading(SeriesKey(f"{prefix}2", "AccessoryInformation", 0, "Name"), EVIL, NOW),
    ], tenant)  # fmt: skip


@contextlib.asynccontextmanager
async def store_of(hub):
    """The hub's own database, as the application sees it."""
    async with Database(Postgres(hub.data_dir / "postgres").app_url) as store:
        yield store


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(web):
    """The hub, once home has devices h1 and h2, and beach b1 and b2."""
    async with store_of(web) as store:
        await fill(store, "home", "h")
        await fill(store, "beach", "b")
    return web


@pytest.fixture(scope="module")
def ann(full, ann):
    """As in tests/hub/web, of a hub with data."""
    return ann


@pytest.fixture(scope="module")
def rob(full, rob):
    """As in tests/hub/web, of a hub with data."""
    return rob


@pytest.fixture
def make_token(ann):
    """`await make_token("read", ...)`: the token's text, of tenant home."""

    async def make(*scopes, name="test", **more):
        body = {"name": name, "scopes": list(scopes), **more}
        answer = await ann.post("/api/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["token"]

    return make


@pytest.fixture
def program(full):
    """`async with program(token) as client`: a program, which sends no cookie and no Origin."""

    def client(token=None, **more):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{full.facts['http_port']}"
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=60, **more)

    return client
