"""A rollout to a thousand devices at protocol level: planning, and what the database has to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.devices.repository import DeviceRepository
from hub.rollouts import worker
from hub.rollouts.model import RolloutOptions
from hub.rollouts.select import Selection
from hub.rollouts.service import RolloutRequest
from tests.bench.report import note, report
from tests.hub.rollouts.protocol import NEW, OLD, Air, Fleet, Side, plain_broker
from tests.support.postgres import FAST

DEVICES = 1000
STREAMS = 32

_LOAD = """
SELECT xact_commit, tup_inserted, tup_updated FROM pg_stat_database
WHERE datname = %s"""


class _Timed:
    """hub.rollouts.plan.step with a clock of its thread, since others use the machine too."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self._step = worker.step

    def __call__(self, *args: Any) -> Any:
        begun = time.thread_time()
        outcome = self._step(*args)
        self.took.append(time.thread_time() - begun)
        return outcome

    def share(self, part: float) -> float:
        return sorted(self.took)[int(part * (len(self.took) - 1))] * 1000


async def _load(postgres: Postgres) -> tuple[int, int, int]:
    """Transactions, rows inserted and rows updated so far."""
    name = conninfo_to_dict(postgres.app_url)["dbname"]
    async with await psycopg.AsyncConnection.connect(postgres.admin_url, autocommit=True) as conn:
        await asyncio.sleep(1.1)  # a connection tells what it did once a second
        row = await (await conn.execute(_LOAD, [name])).fetchone()
    assert row is not None
    return row


async def _rollout(side: Side, fleet: Fleet, names: list[str]) -> tuple[float, int]:
    """Seconds, and messages that devices sent."""
    await side.add_image()
    begun = time.perf_counter()
    options = RolloutOptions(streams=STREAMS, reports=1, wave="25%")
    request = RolloutRequest(version=NEW, select=Selection(all=True), options=options)
    number = (await side.rollouts.start("home", request, "bench")).rollout.id
    running = side.runner.worker("home", number)
    assert running is not None
    rounds = 0
    while not running.rollout.phase.over:
        rounds += 1
        wave = running.rollout.wave
        # A device of another wave sleeps on; it would only report.
        awake = [n for n, d in running.devices.items() if d.wave == wave]
        await asyncio.gather(*(fleet.wake(name) for name in awake))
        assert rounds < 2000, running.rollout
    took = time.perf_counter() - begun
    assert running.rollout.reason == f"{len(names)} updated", running.rollout.reason
    assert side.air.most <= STREAMS
    return took, fleet.said.total()


async def run() -> None:
    timed = _Timed()
    worker.step = timed  # type: ignore[assignment]
    names = [f"esp8266_{n:08x}" for n in range(DEVICES)]
    folder = Path(tempfile.mkdtemp(prefix="dormouse-bench-"))
    folder.chmod(0o711)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = await stack.enter_async_context(
            Postgres(folder / "pg", tuning={**FAST, "log_min_messages": "panic"})
        )
        await migrate(postgres.owner_url)
        store = await stack.enter_async_context(Database(postgres.app_url))
        await store.ensure_tenant("home")
        now = datetime.now(UTC)
        known = {"firmware": OLD, "board": "nodemcu", "reset": "deepsleep", "awake_ms": 400,
                 "heap_free": 20000, "battery_mv": 3000, "next_wake_s": 60}  # fmt: skip
        for name in names:
            await DeviceRepository(store.of("home")).report(name, known, now, 60)
        broker = await stack.enter_async_context(plain_broker())
        fleet = Fleet(broker.port, names)
        await fleet.start()
        stack.push_async_callback(fleet.stop)
        side = Side(store, broker.port, Air(fleet, STREAMS))
        await side.start(keep_reports=False)
        stack.push_async_callback(side.stop)
        note(f"{DEVICES} devices, {STREAMS} streams at a time, on {os.cpu_count()} cores")
        before = await _load(postgres)
        cpu = time.process_time()
        took, said = await _rollout(side, fleet, names)
        cpu = time.process_time() - cpu
        after = await _load(postgres)
    load = [b - a for a, b in zip(before, after, strict=True)]
    report("rollout.plan_step_max", max(timed.took) * 1000, "ms", "<= 50")
    report("rollout.plan_step_p95", timed.share(0.95), "ms")
    report("rollout.plan_steps", len(timed.took), "steps")
    report("rollout.transactions_per_device", load[0] / DEVICES, "transactions")
    report("rollout.rows_inserted_per_device", load[1] / DEVICES, "rows")
    report("rollout.rows_updated_per_device", load[2] / DEVICES, "rows")
    report("rollout.cpu_per_device", cpu / DEVICES * 1000, "ms")
    report("rollout.whole", took, "s")
    note(f"{said} words on $ota/state")


if __name__ == "__main__":
    asyncio.run(run())
