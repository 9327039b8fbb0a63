"""The native OTA server as a child of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

SLOT = 0x3C000
FLASH_SIZE = 1 << 20


class Device:
    """A running otaserver; `port` is where it listens on loopback."""

    def __init__(self, child: asyncio.subprocess.Process, flash: Path, port: int) -> None:
        self.child = child
        self.flash = flash
        self.port = port

    def slot(self, size: int) -> bytes:
        """The first `size` bytes of the application's slot."""
        return self.flash.read_bytes()[SLOT : SLOT + size]

    async def ended(self) -> int:
        """Its exit status: 0 when it took an image."""
        async with asyncio.timeout(10):
            await self.child.communicate()
        assert self.child.returncode is not None
        return self.child.returncode


def blank_flash(path: Path) -> Path:
    path.write_bytes(b"\xff" * FLASH_SIZE)
    return path


@asynccontextmanager
async def running(
    program: Path, flash: Path, key: Path, *arguments: str, port: int = 0
) -> AsyncIterator[Device]:
    """A server on the flash file (made if it is not there), ended on leaving."""
    if not flash.exists():
        blank_flash(flash)
    child = await asyncio.create_subprocess_exec(
        *(program, "--flash", flash, "--port", str(port), "--key", key, *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        first = (await child.stdout.readline()).decode()
        assert first.startswith("listening on "), first
        yield Device(child, flash, int(first.rsplit(":", 1)[1]))
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()
