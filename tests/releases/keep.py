"""Keeps the data folder of a release for the tests of all later ones: `make keep-release`.

A hub of this tree is filled as people fill one, and killed with its Postgres in the middle of its
work. What lay in its folder becomes `<version>.tar.xz` beside this file, with `<version>.json`:
what must still be there after an upgrade. Run as root, Postgres and broker had a user of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from hub.database.migrate import head
from hub.database.postgres import Postgres
from tests.hub.people.joined import PEOPLE, join
from tests.support.controller import Phone
from tests.support.folders import base
from tests.support.hub import ROOT, HubProcess, rows, until
from tests.support.publisher import Publisher

__all__ = ["KEPT", "READINGS_OF", "TEMPERATURE", "unpacked"]

KEPT = Path(__file__).parent
TEMPERATURE = "TemperatureSensor/CurrentTemperature"
READINGS_OF = """
    SELECT count(*), max(r.value) FROM dormouse.every_reading r
    JOIN dormouse.series s ON s.id = r.series_id
    JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = %s"""
"""Of a device: how many readings, and the highest value."""
_READINGS = 150
# What a hub makes anew at each start, and sockets.
_PASSING = {"hub.json", "hub.lock", "hub.sock", "postmaster.pid", "run", "socket"}


def unpacked(version: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A kept data folder below `folder`, and what must be in it.

    Root gets it with the users that it had, so that a hub that is root finds them.
    """
    with tarfile.open(KEPT / f"{version}.tar.xz") as archive:
        archive.extractall(folder, filter="tar", numeric_owner=True)
    return folder / "data", json.loads((KEPT / f"{version}.json").read_text())


async def _fill(hub: HubProcess) -> dict[str, Any]:
    """People, a second tenant, a pairing, settings, and devices with readings; what there is."""
    for person, roles in PEOPLE.items():
        for tenant, role in roles.items():
            await join(hub, person, tenant, role)
    await hub.ask("PUT", "/zone", json={"zone": "Europe/Berlin"})
    token = await hub.ask("POST", "/tokens", json={"name": "a script", "scopes": ["read"]})
    devices = {}
    for number in range(2):
        device = Publisher(
            f"esp8266_0000001{number}", hub.facts["mqtt_port"], hub.facts["enrol_port"]
        )
        await device.enrol()
        devices[device.device] = await _measure(hub, device)
        name = f"Room {number}"
        await hub.ask("PATCH", f"/devices/{device.device}", json={"name": name})
    phone = await Phone.pair("127.0.0.1", hub.facts["hap_port"], hub.facts["pairing_code"])
    accessories = sorted(accessory["aid"] for accessory in await phone.tree())
    await phone.close()
    return {
        "schema": head(),
        "devices": devices,
        "people": sorted(PEOPLE),
        "token": token["token"],
        "pairing": phone.pairing.pairing_data,
        "accessories": accessories,
        "pairing_code": hub.facts["pairing_code"],
    }


async def _measure(hub: HubProcess, device: Publisher) -> dict[str, Any]:
    """Have a device send its readings, each a batch, and wait until all are in the database."""
    for _ in range(_READINGS):
        await device.batch(1, TEMPERATURE, lambda seq: 10 + seq / 128)
        await device.drain(outstanding=3)
    await device.drain()

    async def stored() -> bool:
        counted = await rows(hub, READINGS_OF, device.device)
        return counted == [(_READINGS, 10 + _READINGS / 128)]

    await until(stored)
    await device.close()
    return {"password": device.password, "readings": device.seq}


async def _shrink(data: Path) -> None:
    """What is in the write-ahead log so far goes: it is most of what packs badly."""
    url = Postgres(data / "postgres").admin_url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute("ALTER SYSTEM SET min_wal_size = '32MB'")
        await conn.execute("ALTER SYSTEM SET wal_recycle = off")
        await conn.execute("SELECT pg_reload_conf()")
        for _ in range(2):
            await conn.execute("SELECT pg_switch_wal()")
            await conn.execute("CHECKPOINT")


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in map(int, listed) for found in (child, *_children(child))]


async def _kill(hub: HubProcess) -> None:
    """The hub and all its children at once, as the power does."""
    assert hub.process is not None
    hub.process.send_signal(signal.SIGSTOP)
    for child in _children(hub.process.pid):
        os.kill(child, signal.SIGKILL)
    await hub.kill()


async def keep(version: str) -> None:
    """Make both files of a version."""
    with tempfile.TemporaryDirectory(prefix="dm", dir=base()) as folder:
        Path(folder).chmod(0o755)
        hub = HubProcess(Path(folder) / "data", forked=False)
        try:
            await hub.start()
            facts = await _fill(hub)
            await _shrink(hub.data_dir)
            # Of these only the log knows, which the next start reads.
            more = Publisher("esp8266_00000012", hub.facts["mqtt_port"], hub.facts["enrol_port"])
            await more.enrol()
            facts["devices"][more.device] = await _measure(hub, more)
        finally:
            await _kill(hub)

        def lasting(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
            return None if Path(member.name).name in _PASSING - {"run"} else member

        with tarfile.open(KEPT / f"{version}.tar.xz", "w:xz", preset=9) as archive:
            archive.add(hub.data_dir, "data", filter=lasting)
    (KEPT / f"{version}.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    print(f"{KEPT / version}.tar.xz: {(KEPT / f'{version}.tar.xz').stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default=(ROOT / "VERSION").read_text().strip())
    asyncio.run(keep(parser.parse_args().version))
