"""One sleeping device through the hub: from the command to "updated".

`sleeper.ota_device_s`: seconds that `dormouse ota device` takes for a sensor that sleeps 60 s and
has just fallen asleep, with an image of 582 KiB over a link of 10 ms and 1 % loss. The worst case:
one whole sleep is in it.
`sleeper.awake_s`: of those, what is not the sleep that was under way.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from host.twin import firmware
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind, equip
from host.twin.rom import Rom
from host.twin.statistics import TwinState
from host.twin.twin import Twin
from tests.bench.report import note, report
from tests.support.bootloader import make
from tests.support.hub import HubProcess, until
from tests.support.link import Weather
from tests.support.lossy import Link
from tests.support.twins import Updates

SLEEP_S = 60
SIZE = 582 << 10
USUAL = Weather(delay=0.005, loss=0.01)
CHIP = 0x51EE9E00


async def run() -> None:
    """A hub, a device, an update; about two minutes."""
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    hub = HubProcess(folder / "data", forked=False)
    try:
        await hub.start()
        updates = Updates(folder, make("native"), bits=2048)
        new = folder / "firmware-ota.bin"
        new.write_bytes(updates.image("2.0.0", size=SIZE))
        async with Link(USUAL, "sleeper") as link:
            twin = _twin(folder, HubAddress.of(hub.facts), updates, link)
            async with twin:
                await _update(hub, twin, new, updates.pem)
    finally:
        if hub.process is not None and hub.process.returncode is None:
            await hub.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _twin(folder: Path, hub: HubAddress, updates: Updates, link: Link) -> Twin:
    settings, world = equip(TwinKind.BME280, hub, interval=SLEEP_S, seed=1)
    place = folder / "twin"
    there = link.bootloader(updates.bootloader)
    link.twin = Twin(
        place,
        firmware.compile_to(folder / "first"),
        chip_id=CHIP,
        settings=settings,
        world=world.changed(wifi=link.wifi, net={"latency_ms": 10}),
        rom=Rom(place, there, updates.image("1.0.0")),
    )
    return link.twin


async def _update(hub: HubProcess, twin: Twin, image: Path, key: Path) -> None:
    async def known() -> bool:
        return any(d["id"] == twin.id and d["report"] for d in (await hub.status())["devices"])

    await until(known, limit_s=90)
    await twin.until(lambda now: now.state is TwinState.ASLEEP, within=30)
    slept = time.monotonic()
    note(f"{image.stat().st_size} bytes for a device that has just gone to sleep for {SLEEP_S} s")
    command = asyncio.ensure_future(
        hub.command("ota", "device", twin.id, str(image), "--key", str(key), env=dict(os.environ)
                    | {"DORMOUSE_DATA_DIR": str(hub.data_dir)})
    )  # fmt: skip
    began = time.monotonic()
    await twin.until(lambda now: now.state is not TwinState.ASLEEP, within=SLEEP_S + 10)
    woke = time.monotonic()
    await twin.until(lambda now: now.state is TwinState.UPDATING, within=30)
    told = time.monotonic()
    status, said = await command
    ended = time.monotonic()
    if status:
        raise SystemExit(f"sleeper: {said}")
    stream = re.findall(r"streaming (\d+) %", said)
    note(
        f"slept {woke - slept:.1f} s, told after {told - woke:.1f} s, seen at {', '.join(stream)} %"
    )
    report("sleeper.ota_device_s", ended - began, "s", f"<= {SLEEP_S + 40}")
    report("sleeper.awake_s", ended - woke, "s", "<= 40")
