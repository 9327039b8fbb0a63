"""Strangers connect and say nothing, more of them than the hub has descriptors: others get in.

`make soak` runs it with SILENT=1200 and NOFILE=1024.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import httpx
import pytest

from tests.support.hub import PLAIN, HubProcess, until
from tests.support.mqtt311 import Client

SILENT = int(os.environ.get("SILENT", "300"))
NOFILE = int(os.environ.get("NOFILE", "320"))
HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\nname="
# The beginning of a CONNECT that promises more.
CONNECT = b"\x10\x7f\x00\x04MQ"


class Strangers:
    """Connections that stay open as long as the other side lets them, and come again."""

    def __init__(self) -> None:
        self._streams: list[asyncio.StreamWriter] = []

    async def come(self, port: int, count: int, said: bytes) -> None:
        for _ in range(count):
            with contextlib.suppress(OSError):
                async with asyncio.timeout(1):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                self._streams.append(writer)
                writer.write(said)

    def leave(self) -> None:
        for writer in self._streams:
            writer.transport.abort()


@pytest.fixture
async def hub(server_folder: Path, tmp_path: Path):
    """A hub that may have few descriptors."""
    # In a folder that the database's own user can reach.
    process = HubProcess(
        server_folder / tmp_path.name, within=["prlimit", f"--nofile={NOFILE}:{NOFILE}"]
    )
    await process.start()
    yield process
    await process.stop()


DOORS = [
    ("http_port", b""),
    ("http_port", HEAD),
    ("http_port", BODY),
    ("hap_port", b""),
    ("hap_port", HEAD),
    ("mqtt_port", b""),
    ("mqtt_port", CONNECT),
    ("enrol_port", b""),
]


async def test_others_get_in(hub: HubProcess):
    device = "esp8266_5117e27a"
    password = (await hub.ask("POST", f"/accounts/{device}", json={}))["password"]
    port = hub.facts["http_port"]

    async def measured() -> bool:
        async with await Client.connect(
            "127.0.0.1", hub.facts["mqtt_port"], device, device, password
        ) as client:
            return client.code == 0

    async def controlled() -> bool:
        return await spoken(hub.facts["hap_port"], b"GET /accessories HTTP/1.1\r\nHost: x\r\n\r\n")

    async def healthy() -> bool:
        async with httpx.AsyncClient(verify=PLAIN) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/healthz")
        return answer.json()["status"] == "ok"

    async def told() -> bool:
        return (await hub.status())["devices"] is not None

    await until(lambda: tried(measured))
    # All stay to the end: each door has to bear the others' as well.
    strangers = Strangers()
    try:
        for door, said in DOORS:
            await strangers.come(hub.facts[door], SILENT, said)
            for probe in (measured, controlled, healthy, told):
                began = time.monotonic()
                await until(lambda probe=probe: tried(probe), limit_s=60)
                print(door, said[:12], probe.__name__, f"{time.monotonic() - began:.2f} s")
    finally:
        strangers.leave()
    lines = hub.log.read_text().splitlines()
    print(len(lines), "lines in the log:", *lines[-40:], sep="\n")
    # One line says it, not one a stranger.
    assert len(lines) < 100


async def tried(probe) -> bool:
    with contextlib.suppress(OSError, EOFError, TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(3):
            return await probe()
    return False


async def spoken(port: int, request: bytes) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return (await reader.readline()).startswith(b"HTTP/1.1 ")
    finally:
        writer.transport.abort()
