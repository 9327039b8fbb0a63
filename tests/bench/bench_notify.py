"""What looking for what there is to tell takes, of 10,000 devices with three values each.

`notify.look_cpu_ms`: processor time of a look (the hub's and Postgres') with two rules about values
and one about silence, while a tenth of the devices was heard since the last look;
`notify.share_percent`: of a core, at a look each half minute. `notify.silent_s`: from 10,000
devices that are late at once to their first alerts, by the clock.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.reading import Reading, SeriesKey
from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import Postgres
from hub.devices.repository import DeviceRepository, ReceivedReport
from hub.ingest.repository import IntakeRepository, ensure_partitions_ahead
from hub.mqtt.accounts import AccountBook
from hub.notifications.notifier import Notifier
from tests.bench.processor import measured, typical
from tests.bench.report import note, report
from tests.hub.notifications.world import OPERATOR, World
from tests.support.broker import MemoryAccounts

DEVICES, TENTH = 10_000, 1000
SERVICES = ("TemperatureSensor", "HumiditySensor", "AirPressureSensor")
NAMES = ("CurrentTemperature", "CurrentRelativeHumidity", "AirPressure")


async def run() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="dm", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        async with Postgres(folder / "postgres") as postgres:
            await migrate(postgres.owner_url)
            async with Database(postgres.app_url) as store:
                await store.ensure_tenant("home")
                await ensure_partitions_ahead(store)
                now = datetime.now(UTC) - timedelta(hours=6)
                await _measure(World(store, AccountBook(MemoryAccounts()), folder, now))


async def _heard(world: World, first: int, many: int) -> None:
    """So many devices measure and report."""
    devices = [f"d{n % DEVICES}" for n in range(first, first + many)]
    store = world.store.of("home")
    for at in range(0, many, 1000):
        some = devices[at : at + 1000]
        await DeviceRepository(store).reports([
            ReceivedReport(one, {"battery_mv": 2900}, world.now, 300.0) for one in some
        ])  # fmt: skip
        await IntakeRepository(store, settled=lambda: False).store([
            Reading(SeriesKey(one, service, 0, name), 20.0, world.now)
            for one in some
            for service, name in zip(SERVICES, NAMES, strict=True)
        ])  # fmt: skip


async def _measure(world: World) -> None:
    note(f"{DEVICES} devices")
    await _heard(world, 0, DEVICES)
    await world.rule("temperature below 3 degrees for 20 min")
    await world.rule("relative humidity above 80 %")
    await world.rule("silent")
    await world.notifier.look()
    first = 0

    async def look() -> None:
        await world.notifier.look()

    cpu = []
    for _ in range(5):
        world.now += timedelta(seconds=30)
        await _heard(world, first, TENTH)
        first += TENTH
        cpu.append((await typical(look, 1))[1])
    each = sorted(cpu)[len(cpu) // 2]
    report("notify.look_cpu_ms", each, "ms")
    report("notify.share_percent", each / Notifier.LOOK_S / 10, "%", "<= 2")
    world.now += timedelta(minutes=30)
    took = 0.0
    while len([one for one in await world.service.inbox(OPERATOR) if one.ended_at is None]) == 0:
        took += await measured(look)
        world.now += timedelta(seconds=30)
    report("notify.silent_s", took, "s")
