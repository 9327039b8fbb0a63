"""The portal of one board among visitors who say little.

`portal.behind_silent_s`: a page for somebody who comes after twelve connections that say nothing.
`portal.drip_s`: until somebody who sends a byte now and then is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
import time
from pathlib import Path

from host.twin import firmware
from tests.bench.report import report
from tests.firmware.board import Board
from tests.firmware.portal import opened

HALVES = (b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n")


async def run() -> None:
    """One board without settings, started for each."""
    with tempfile.TemporaryDirectory() as work:
        build = firmware.compile_to(Path(work) / "firmware")
        for name, measure, target in (
            ("behind_silent_s", _behind_silent, "<= 8"),
            ("drip_s", _drip, "<= 16"),
        ):
            bare = {"ssid": "", "key": "", "host": ""}
            board = Board(Path(work) / name, build, chip=secrets.randbits(32), settings=bare)
            async with opened(board) as phone:
                began = time.monotonic()
                await measure(phone)
                report(f"portal.{name}", time.monotonic() - began, "s", target)


async def _behind_silent(phone) -> None:
    async with contextlib.AsyncExitStack() as held:
        for data in HALVES * 4:
            _, writer = await asyncio.open_connection("127.0.0.1", phone.ports["80"])
            held.callback(writer.transport.abort)
            writer.write(data)
        assert (await phone.get()).status == 200


async def _drip(phone) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", phone.ports["80"])

    async def drip() -> None:
        while True:
            writer.write(b"G")
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    try:
        with contextlib.suppress(ConnectionError):
            await reader.read()
    finally:
        dripping.cancel()
        writer.transport.abort()
