"""Virtual devices: how many wakes a machine can give, and what one costs.

Whole wakes of the real firmware (a BME280 and its battery) against a broker on loopback:
`twin.cycles_per_s`: 20 devices that sleep 50 ms, as many wakes as the machine gives.
`twin.cpu_ms_per_cycle`: processor time of VM and supervisor together, for one of those.
`twin.hundred_cycles_per_s`, `twin.hundred_awake_p95_ms`: 100 devices that sleep 2 s.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
from pathlib import Path
from statistics import quantiles

from host.twin import firmware
from host.twin.fleet import Fleet
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from hub.mqtt.accounts import AccountBook
from hub.mqtt.passwords import new_password
from tests.bench.report import note, report
from tests.support.broker import MemoryAccounts, open_folder, running_broker

KIND = TwinKind.BME280
SECONDS = 10


async def run() -> None:
    """Two fleets, one after the other."""
    with open_folder() as folder, tempfile.TemporaryDirectory() as work:
        place = Path(work)
        build = await asyncio.to_thread(firmware.compile_to, place / "firmware")
        book = AccountBook(MemoryAccounts())
        async with running_broker(book, folder) as broker:
            hub = HubAddress("127.0.0.1", broker.main.ports["mqtt"])
            twenty = Fleet(hub, build, place / "20", [KIND] * 20, interval=1, pace=0.05)
            hundred = Fleet(
                hub, build, place / "100", [KIND] * 100, interval=2, first_chip=0xBE0000
            )
            for fleet in (twenty, hundred):
                await _accounts(book, fleet)
            await asyncio.sleep(1)  # mosquitto re-reads its files

            before = _cpu()
            await _fly(twenty)
            totals = twenty.totals()
            report("twin.cycles_per_s", totals.rate, "cycles/s")
            report("twin.cpu_ms_per_cycle", (_cpu() - before) * 1000 / totals.cycles, "ms")

            await _fly(hundred)
            awake = [twin.statistics.awake_ms or 0.0 for twin in hundred.twins]
            report("twin.hundred_cycles_per_s", hundred.totals().rate, "cycles/s")
            report("twin.hundred_awake_p95_ms", quantiles(awake, n=20)[-1], "ms")


async def _accounts(book: AccountBook, fleet: Fleet) -> None:
    """As if the devices had been here before: an account each, its password on their flash."""
    for twin in fleet.twins:
        password = new_password()
        await book.provision(twin.id, "home", password)
        twin.flash.mkdir(parents=True)
        (twin.flash / "password").write_text(password)


async def _fly(fleet: Fleet) -> None:
    async with fleet:
        await asyncio.sleep(SECONDS)
        totals = fleet.totals()
    note(f"{totals.cycles} cycles, {totals.failed} of them failed")
    if totals.failed:
        raise SystemExit(f"twin: {[twin.statistics for twin in fleet.twins if twin.console()]}")


def _cpu() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (0, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
