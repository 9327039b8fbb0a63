"""The native OTA server as a child of the event loop."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

SLOT = 0x3C000
FLASH_SIZE = 1 << 20
_count = itertools.count()


def own_address() -> str:
    """A loopback address that no other server of this machine has.

    What is still under way to a server that has ended must not reach the next one that happens to
    get its port: it would take it for the start of an update.
    """
    number = next(_count)
    return f"127.{os.getpid() % 250 + 1}.{number // 250 % 250}.{number % 250 + 1}"


class Device:
    """A running otaserver; `host` and `port` are where it listens."""

    def __init__(
        self, child: asyncio.subprocess.Process, flash: Path, host: str, port: int
    ) -> None:
        self.child = child
        self.flash = flash
        self.host = host
        self.port = port

    def slot(self, size: int) -> bytes:
        """The first `size` bytes of the application's slot."""
        return self.flash.read_bytes()[SLOT : SLOT + size]

    async def ended(self) -> int:
        """Its exit status: 0 when it took an image."""
        async with asyncio.timeout(60):
            await self.child.communicate()
        assert self.child.returncode is not None
        return self.child.returncode


def blank_flash(path: Path) -> Path:
    path.write_bytes(b"\xff" * FLASH_SIZE)
    return path


@asynccontextmanager
async def running(
    program: Path, flash: Path, key: Path, *arguments: str, host: str = "", port: int = 0
) -> AsyncIterator[Device]:
    """A server on the flash file (made if it is not there), ended on leaving."""
    if not flash.exists():
        blank_flash(flash)
    child = await asyncio.create_subprocess_exec(
        *(program, "--flash", flash, "--key", key, *arguments),
        *("--bind", host or own_address(), "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        first = (await child.stdout.readline()).decode()
        assert first.startswith("listening on "), first
        address, _, number = first.removeprefix("listening on ").partition(":")
        yield Device(child, flash, address, int(number))
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()
