"""A hub whose disk is full says so, loses nothing, and goes on when there is room."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.hub import HubProcess, until
from tests.support.mqtt311 import Client

MB = 1 << 20
DEVICE = "esp8266_f0115d15"


@pytest.fixture
def disk(server_folder: Path):
    """A file system of its own, with 400 MB."""
    folder = server_folder / "disk"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m,mode=711", "tmpfs", folder], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Take all that is free."""
    file = folder / "films"
    for size in (MB, 4096, 1):
        with pytest.raises(OSError, match="No space left"), file.open("ab", buffering=0) as full:
            while True:
                full.write(bytes(size))
    return file


async def connects(hub: HubProcess, password: str) -> bool:
    async with await Client.connect(
        "127.0.0.1", hub.facts["mqtt_port"], DEVICE, DEVICE, password
    ) as client:
        return client.code == 0


@pytest.mark.timeout(600)
async def test_a_full_disk(disk: Path):
    hub = HubProcess(disk / "hub")
    # Not on that disk.
    hub.log = disk.with_name("full.log")
    await hub.start()
    password = (await hub.ask("POST", f"/accounts/{DEVICE}", json={}))["password"]
    films = fill(disk)

    async with hub.operator() as client:
        refused = await client.post(f"/accounts/{DEVICE}/rotate")
        assert refused.status_code == 507, refused.text
        assert "make room on" in refused.json()["detail"]
    # The device has the old one, and so has the broker.
    assert await connects(hub, password)
    async with httpx.AsyncClient() as client:
        health = await client.get(f"http://127.0.0.1:{hub.facts['http_port']}/healthz")
        assert (health.status_code, health.json()["disk"]) == (503, "full")
        assert health.json()["status"] == "degraded"
    (told,) = (
        found
        for found in (await hub.ask("GET", "/doctor/parts"))
        if found["what"] == "the disk has room for readings"
    )
    assert told["verdict"] == "bad"
    assert "make room on that disk" in told["detail"]

    await hub.stop(limit_s=90)
    # Whether it starts on a full disk is up to what it has to write: if not, one line says why.
    with pytest.raises(AssertionError, match=r"make room on that disk\n?"):
        await hub.start()
    log = hub.log.read_text()
    assert "Traceback" not in log, log

    films.unlink()
    await hub.start()
    async with httpx.AsyncClient() as client:
        health = await client.get(f"http://127.0.0.1:{hub.facts['http_port']}/healthz")
        assert (health.status_code, health.json().get("disk") == "full") == (200, False)
    assert await connects(hub, password)
    rotated = (await hub.ask("POST", f"/accounts/{DEVICE}/rotate"))["password"]

    async def renewed() -> bool:
        return await connects(hub, rotated)

    await until(renewed)
    await hub.stop(limit_s=90)
    assert "Traceback" not in hub.log.read_text()
