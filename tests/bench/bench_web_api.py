"""How quickly the API answers.

`web.api_month_ms`: a month of one series in 5-minute readings, raw, as JSON, from the request to
the last byte; median, over a connection that is open.
`web.api_month_auto_ms`: the same as a chart would ask for it (hourly).
`web.api_csv_rows_per_s`, `..parquet..`, `..arrow..`: a million readings as a file.
`web.api_devices_ms`: 100 devices with three values each.
`web.api_csv_first_share`: of the time that the million takes as CSV, what passes until its first
piece; `web.api_beside_csv_ms`: the longest answer that somebody else waits for meanwhile.
`web.api_live_ms`: from a device's write to its event in the live stream, the median of several;
`web.api_revoked_ms`: from the command that revokes a token to the end of its stream.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
import psycopg

from hub.api.scope import Scope
from hub.database.database import Database
from hub.database.postgres import Postgres
from hub.tokens.repository import TokenRepository
from tests.bench.report import note, report
from tests.support.hub import HubProcess
from tests.support.publisher import Publisher

MONTH = 30 * 24 * 12
MILLION = 1_000_000
DEVICES = 100
TRIES = 20

_DEVICES = """
WITH made AS (
    INSERT INTO dormouse.device (key) SELECT 'd' || n FROM generate_series(1, %s) AS n
    RETURNING id)
INSERT INTO dormouse.series (device_id, service, index, characteristic, kind)
SELECT id, 'TemperatureSensor', i, 'CurrentTemperature', 'float'
FROM made, generate_series(0, 2) AS i"""
_LAST = (
    "INSERT INTO dormouse.reading (series_id, at, value) SELECT id, now(), 20 FROM dormouse.series"
)
_READINGS = """
INSERT INTO dormouse.reading (series_id, at, value)
SELECT s.id, now() - n * %s::interval, 20 + 5 * sin(n / 100.0)
FROM generate_series(1, %s) AS n, dormouse.series s JOIN dormouse.device d ON d.id = s.device_id
WHERE d.key = %s AND s.index = 0"""


async def _fill(hub: HubProcess) -> str:
    """Devices, a month of d1, a million readings of d2; a token that may read them."""
    async with Database(Postgres(hub.data_dir / "postgres").app_url) as store:
        async with store.of("home").transaction() as conn:
            for back in (0, 20, 40):
                await conn.execute(
                    "SELECT dormouse.ensure_partition(now() - %s)", [timedelta(days=back)]
                )
            await conn.execute(_DEVICES, [DEVICES])
            await conn.execute(_LAST)
            await conn.execute(_READINGS, ["5 min", MONTH, "d1"])
            await conn.execute(_READINGS, ["1 s", MILLION, "d2"])
        # A minute later autovacuum would have done it.
        async with await psycopg.AsyncConnection.connect(
            Postgres(hub.data_dir / "postgres").admin_url, autocommit=True
        ) as admin:
            await admin.execute("ANALYZE")
        _, token = await TokenRepository(store).make("home", "bench", {Scope.READ}, "bench", None)
    return token


async def _milliseconds(client: httpx.AsyncClient, path: str, **query: object) -> float:
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        answer = await client.get(path, params=query)
        took.append(1000 * (time.perf_counter() - began))
        assert answer.status_code == 200, answer.text
    note(f"{path}: {len(answer.content)} bytes, {min(took):.1f} to {max(took):.1f} ms")
    return median(took)


async def _export(client: httpx.AsyncClient, form: str, query: dict[str, str]) -> float:
    began = time.perf_counter()
    size = 0
    async with client.stream("GET", "/api/readings", params={**query, "format": form}) as answer:
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
    note(f"{form}: {size} bytes")
    return MILLION / (time.perf_counter() - began)


async def _beside(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    longest, done = 0.0, False

    async def meanwhile() -> None:
        nonlocal longest
        while not done:
            began = time.perf_counter()
            assert (await client.get("/api/devices/d1")).status_code == 200
            longest = max(longest, time.perf_counter() - began)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(meanwhile())
    first, began = 0.0, time.perf_counter()
    async with client.stream("GET", "/api/readings", params={**query, "format": "csv"}) as answer:
        async for _ in answer.aiter_bytes():
            first = first or time.perf_counter() - began
    took, done = time.perf_counter() - began, True
    await watching
    report("web.api_csv_first_share", first / took, "ratio", "<= 0.33")
    report("web.api_beside_csv_ms", 1000 * longest, "ms", "<= 2000")


async def _event(lines: AsyncIterator[str], name: str) -> None:
    async for line in lines:
        if line == f"event: {name}":
            return
    raise EOFError(name)


async def _live(hub: HubProcess, client: httpx.AsyncClient) -> None:
    device = Publisher("live", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    await device.enrol()
    took = []
    async with client.stream("GET", "/api/live") as answer:
        lines = answer.aiter_lines()
        await _event(lines, "ready")
        for number in range(TRIES):
            topic = f"HomeKit/{device.device}/TemperatureSensor/CurrentTemperature"
            began = time.perf_counter()
            await device.send(topic, str(20 + number).encode(), tag=number + 1)
            await _event(lines, "value")
            took.append(1000 * (time.perf_counter() - began))
        report("web.api_live_ms", median(took), "ms", "<= 1000")
        began = time.perf_counter()
        where = ("--data-dir", str(hub.data_dir))
        status, said = await hub.command("token", "revoke", "1", *where, env=dict(os.environ))
        assert status == 0, said
        await _event(lines, "end")
        report("web.api_revoked_ms", 1000 * (time.perf_counter() - began), "ms", "<= 10000")
    await device.close()


async def run() -> None:
    """Fill a hub, ask it."""
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    hub = HubProcess(folder / "data", forked=False)
    try:
        await hub.start()
        headers = {"Authorization": f"Bearer {await _fill(hub)}", "Accept-Encoding": "identity"}
        url = f"http://127.0.0.1:{hub.facts['http_port']}"
        now = datetime.now(UTC)
        until = (now + timedelta(minutes=1)).isoformat()
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
            month = {
                "series": "d1/TemperatureSensor/CurrentTemperature",
                "since": (now - timedelta(days=31)).isoformat(),
                "until": until,
            }
            took = await _milliseconds(client, "/api/readings", resolution="raw", **month)
            report("web.api_month_ms", took, "ms", "<= 150")
            took = await _milliseconds(client, "/api/readings", resolution="auto", **month)
            report("web.api_month_auto_ms", took, "ms", "<= 75")
            report("web.api_devices_ms", await _milliseconds(client, "/api/devices"), "ms", "<= 75")
            million = {**month, "series": month["series"].replace("d1", "d2"), "resolution": "raw"}
            for form in ("csv", "parquet", "arrow"):
                rate = await _export(client, form, million)
                report(f"web.api_{form}_rows_per_s", rate, "1/s", ">= 50000")
            await _beside(client, million)
            await _live(hub, client)
    finally:
        if hub.process is not None and hub.process.returncode is None:
            await hub.stop()
        shutil.rmtree(folder, ignore_errors=True)
