"""A beach house's sensor goes on while the home's address changes: nothing of it is lost.

`make soak` runs it with MOVES=100 and, as on a gateway, REFRESH_EVERY=15.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import struct
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.support import seeds
from tests.support.hub import HubProcess, rows, until
from tests.support.tunnel import HUB, tunnel_world

MOVES = int(os.environ.get("MOVES", "3"))
# s: the timer and OpenWrt's service look every 15; tests have no time for that.
EVERY = int(os.environ.get("REFRESH_EVERY", "3"))
# s: the longest that readings may be missing.
LIMIT_S = 60


def another(rng: random.Random, address: str, version: int | None = None) -> str:
    """Another address of the home's, of either family."""
    while True:
        chosen = rng.choice((4, 6)) if version is None else version
        host = rng.randrange(2, 190)
        found = f"198.51.100.{host}" if chosen == 4 else f"2001:db8::{host:x}"
        if found != address:
            return found


async def test_readings_go_on_when_the_homes_address_changes(tmp_path, short_tmp, empty_hub):
    rng = random.Random(seeds.seed())
    copy = ["cp", "-a", empty_hub, short_tmp / "data"]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    with tunnel_world(tmp_path) as world:
        world.tunnel()
        hub = HubProcess(
            short_tmp / "data", within=world.home.within, HOST="0.0.0.0", ENROLMENT="open"
        )
        await hub.start()
        refresh = await asyncio.create_subprocess_exec(
            *world.gateway.within, "busybox", "ash", "hub/sites/files/dormouse-refresh",
            "--every", str(EVERY), str(world.configs(world.gateway)),
        )  # fmt: skip
        twin = await asyncio.create_subprocess_exec(
            *world.sensors.within, sys.executable, "-m", "host", "twin", "--count", "1",
            "--interval", "2", "--kind", "ds18b20", "--hub", HUB,
            "--port", str(hub.facts["mqtt_port"]), "--enrol-port", str(hub.facts["enrol_port"]),
            "--folder", str(tmp_path / "twin"), stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            address, gaps = "198.51.100.10", []
            await until(lambda: count(hub), limit_s=120)
            for move in range(MOVES):
                # Both kinds of change are among the first.
                address = another(rng, address, {0: 4, 1: 6}.get(move))
                world.home_moves(address)
                began, before = datetime.now(UTC), await measured(tmp_path / "twin")

                async def again(before=before):
                    # What was on its way already does not count. By its number: on a machine with
                    # more to do the twin's clock falls behind, and a time by it says nothing.
                    return max(await numbers(hub), default=0) > before

                await until(again, limit_s=LIMIT_S, every_s=0.5)
                gaps.append((datetime.now(UTC) - began).total_seconds())
            shown = ", ".join(f"{gap:.1f}" for gap in gaps)
            print(f"\n{MOVES} moves, readings there again after {shown} s; at most {max(gaps):.1f}")
            end = await numbers(hub)

            async def all_there():
                return not (await lost(hub, max(end)))

            # What the device could not say meanwhile it says when it is back.
            await until(all_there, limit_s=LIMIT_S, every_s=0.5)
            assert len(await numbers(hub)) >= len(end) > MOVES
        finally:
            for process in (twin, refresh):
                process.terminate()
                await process.wait()
            await hub.kill()


async def count(hub: HubProcess) -> int:
    [(found,)] = await rows(hub, "SELECT count(*) FROM dormouse.reading")
    return int(found)


async def measured(folder: Path) -> int:
    """The number of the last reading that the twin in this folder has made."""

    async def seq():
        for file in folder.glob("*/rtc.bin"):
            record = file.read_bytes()
            # firmware/dormouse/rtc.py: magic, digest, then the fields.
            if record[8:12] == hashlib.sha256(record[12:]).digest()[:4]:
                return struct.unpack_from("<BB4sIHIII", record, 12)[-1]
        return 0

    return int(await until(seq))


async def numbers(hub: HubProcess) -> list[int]:
    """The sequence numbers that the database accounts for."""
    found = await rows(hub, "SELECT lower(r), upper(r) FROM dormouse.delivery, unnest(seqs) r")
    return [n for low, high in found for n in range(low, high)]


async def lost(hub: HubProcess, last: int) -> list[int]:
    """The numbers up to `last` that never came."""
    there = set(await numbers(hub))
    return [n for n in range(1, last + 1) if n not in there]
