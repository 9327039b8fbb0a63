"""Readings by three brokers, stored by one, two and three workers of one database.

`scale.cpu_us_a_message_N`: processor time of N workers that are up, a message (plain readings,
QoS 1), beyond what they take at rest; `scale.idle_cpu_N`: what each takes at rest, of a processor;
`scale.postgres_cpu_us_a_message_N`: Postgres' time a message, beyond what it takes at rest.
Where nothing is shared that would stop growth they do not rise with N, whatever the machine's cores
give.
`scale.messages_per_s_N`: what this machine made of it, publishers, workers, brokers and Postgres
together.
`scale.lock_waits_N`, `scale.latch_waits_N`: of the looks at a worker's busy connections, how many
found one that waited for a lock of rows or tables, or for one of Postgres' own latches (a share
of 1); `scale.takeover_s_N`: from a SIGKILL until another has the broker.
`scale.homekit_takeover_s`: from a SIGKILL of who has the duties until paired controllers of two
tenants, each with a full bridge (149 accessories of three services), have read everything again.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import psycopg

from hub.database.postgres import Postgres
from hub.homekit.identity import MAX_ACCESSORIES
from hub.mqtt.ports import free_port
from tests.bench.processor import cpu_s, family
from tests.bench.report import report
from tests.support.broker import OpenBroker, open_folder
from tests.support.hub import until
from tests.support.paired_home import PairedHome
from tests.support.postgres import Server
from tests.support.publisher import Publisher
from tests.support.workers import WorkerProcess, Workers

MESSAGES = 6_000  # of each broker
DEVICES = 20  # of each broker
AT_REST_S = 5
# Of each accessory: two sensors, a battery.
SHOWN = [
    ("TemperatureSensor/CurrentTemperature", b"20.5"),
    ("MotionSensor/MotionDetected", b"1"),
    ("BatteryService/BatteryLevel", b"80"),
]


async def run() -> None:
    """Run it with one, two and three workers, each time on a database of its own."""
    with open_folder() as folder:
        async with Postgres(folder / "postgres") as postgres:
            server = Server(postgres)
            await server.make_template()
            for count in (1, 2, 3):
                await _with_workers(server, partial(_measure, server, count=count))
            await _with_workers(server, _controllers_again)


async def _with_workers(
    server: Server, measure: Callable[[Workers, list[int]], Awaitable[None]]
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    try:
        async with AsyncExitStack() as stack:
            brokers = []
            for name in "abc":
                (folder / name).mkdir()
                brokers.append(await stack.enter_async_context(OpenBroker(folder / name)))
            ports = [one.port for one in brokers]
            workers = await stack.enter_async_context(Workers(server, folder, ports))
            await measure(workers, ports)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(server: Server, workers: Workers, ports: list[int], *, count: int) -> None:
    running = [await workers.start(f"w{number}", ROLES="intake") for number in range(count)]
    await until(lambda: workers.shared(*running))
    pid = server.postgres.pid or 0

    def taken() -> tuple[float, float, float]:
        theirs = sum(cpu_s(one.process.pid) for one in running if one.process)
        return time.monotonic(), theirs, sum(cpu_s(one) for one in family(pid))

    start = taken()
    await asyncio.sleep(AT_REST_S)
    rest = taken()
    rates = [(b - a) / (rest[0] - start[0]) for a, b in zip(start[1:], rest[1:], strict=True)]

    waits = [0, 0, 0]
    looks = asyncio.create_task(_lock_waits(workers, waits))
    began = taken()
    wanted = MESSAGES * len(ports)
    await asyncio.gather(*(_said(port) for port in ports))
    while await workers.count() < wanted:
        await asyncio.sleep(0.5)
    ended = taken()
    looks.cancel()
    took = ended[0] - began[0]
    theirs, postgres = (
        1e6 * (b - a - rate * took) / wanted
        for a, b, rate in zip(began[1:], ended[1:], rates, strict=True)
    )
    report(f"scale.messages_per_s_{count}", wanted / took, "1/s")
    report(f"scale.cpu_us_a_message_{count}", theirs, "us")
    report(f"scale.postgres_cpu_us_a_message_{count}", postgres, "us")
    report(f"scale.idle_cpu_{count}", rates[0] / count, "share")
    report(f"scale.lock_waits_{count}", waits[0] / max(1, waits[2]), "share")
    report(f"scale.latch_waits_{count}", waits[1] / max(1, waits[2]), "share")
    if count > 1:
        await _take_over(workers, running)


async def _said(port: int) -> None:
    for number in range(DEVICES):
        publisher = Publisher(f"d{port}-{number}", port, 0)
        await publisher.connect_anonymously()
        for n in range(MESSAGES // DEVICES):
            topic = f"HomeKit/{publisher.device}/LightSensor/CurrentAmbientLightLevel"
            await publisher.send(topic, str(n + 1).encode(), tag=n)
        await publisher.drain()
        await publisher.close()


async def _lock_waits(workers: Workers, waits: list[int]) -> None:
    """Count busy connections of workers that waited for a lock, for a latch, and all of them."""
    async with await psycopg.AsyncConnection.connect(
        workers.database.admin_url, autocommit=True
    ) as conn:
        while True:
            found = await conn.execute(
                """SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'),
                       count(*) FILTER (WHERE wait_event_type = 'LWLock'), count(*)
                   FROM pg_stat_activity WHERE application_name = 'dormouse'
                       AND datname = current_database() AND state = 'active'"""
            )
            for counts in await found.fetchall():
                waits[:] = [a + b for a, b in zip(waits, counts, strict=True)]
            await asyncio.sleep(0.05)


async def _take_over(workers: Workers, running: list[WorkerProcess]) -> None:
    dead = running[0]
    assert dead.process is not None
    began, pid = time.monotonic(), dead.process.pid
    await dead.kill()

    async def taken() -> bool:
        cells = await workers.cells()
        return len(cells) == 3 and pid not in cells.values()

    await until(taken, every_s=0.02)
    report(f"scale.takeover_s_{len(running)}", time.monotonic() - began, "s", "<= 2")


async def _controllers_again(workers: Workers, ports: list[int]) -> None:
    homekit = str(free_port("127.0.0.1"))
    first = await workers.start("h0", HAP_PORT=homekit)
    await first.ask("PUT", "/tenants/beach")
    speaker = Publisher("speaker", ports[0], 0)
    await speaker.connect_anonymously()
    for number in range(MAX_ACCESSORIES):
        for tenant in ("home", "beach"):
            device = f"{tenant}-{number}"
            if tenant == "beach":
                account = {"params": {"tenant": tenant}, "json": {"password": "p" * 20}}
                await first.ask("POST", f"/accounts/{device}", **account)
            for series, value in SHOWN:
                await speaker.send(f"HomeKit/{device}/{series}", value, tag=number)
        await speaker.drain()
    await speaker.close()

    async def shown() -> bool:
        homes = await first.ask("GET", "/homekit/accessories")
        return all(len(home["bridges"][0]["accessories"]) == MAX_ACCESSORIES for home in homes)

    await until(shown, limit_s=300, every_s=1)
    second = await workers.start("h1", HAP_PORT=homekit)
    homes = [await PairedHome.at(first, tenant, f"{tenant}-7") for tenant in ("home", "beach")]
    await until(lambda: _waits(second))
    began = time.monotonic()
    await first.kill()
    took = await asyncio.gather(*(home.over(began) for home in homes))
    report("scale.homekit_takeover_s", max(took), "s", "<= 2")
    for home in homes:
        await home.is_unchanged(second)
        await home.phone.close()


async def _waits(worker: WorkerProcess) -> bool:
    return "this one waits for them" in worker.log.read_text()
