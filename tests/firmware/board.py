"""One virtual board, woken once at a time by the test itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.twin import vm
from host.twin.firmware import Build
from host.twin.vm import Cause

# What a busy machine may add to a wake: a VM starts in 15 ms alone, but may get no processor for
# seconds. Less than the 10 s of the default deadline, so that a shorter one is told from it.
START_S = 6.0


@dataclass(frozen=True)
class Wake:
    """How a wake ended: exit status, what it asked of the chip's timer (us), how long it took."""

    status: int
    sleep_us: int | None
    seconds: float
    console: str


class Board:
    """A device's folder: settings, world, RTC memory."""

    def __init__(self, folder: Path, build: Build, *, chip: int, settings: Mapping[str, Any]):
        self.folder = folder
        self.build = build
        self.chip = chip
        self.world: dict[str, Any] = {"wifi": {"ssid": "dormouse", "key": "key"}}
        self.settings: dict[str, Any] = {
            "ssid": "dormouse",
            "key": "key",
            "host": "127.0.0.1",
            "interval": 300,
            # Ready at once, and one recorded series.
            "sensors": [{"driver": "battery"}],
            **settings,
        }
        (folder / "flash").mkdir(parents=True)

    @property
    def id(self) -> str:
        return f"esp8266_{self.chip:08x}"

    @property
    def topic(self) -> str:
        return f"HomeKit/{self.id}/"

    @property
    def password(self) -> str:
        return (self.folder / "flash" / "password").read_text()

    @password.setter
    def password(self, text: str) -> None:
        (self.folder / "flash" / "password").write_text(text)

    @property
    def rtc(self) -> bytes:
        path = self.folder / "rtc.bin"
        return path.read_bytes() if path.exists() else b""

    @rtc.setter
    def rtc(self, memory: bytes) -> None:
        (self.folder / "rtc.bin").write_bytes(memory)

    @property
    def flash_writes(self) -> int:
        path = self.folder / "flash-writes"
        return int(path.read_text()) if path.exists() else 0

    def pin(self, number: int) -> int:
        path = self.folder / "pins.json"
        return json.loads(path.read_text()).get(str(number), 0) if path.exists() else 0

    def provision(self) -> None:
        """Write settings and world as they stand."""
        for name, content in (("flash/settings.json", self.settings), ("world.json", self.world)):
            path = self.folder / name
            fresh = path.with_suffix(".fresh")
            # As it is: MicroPython's json takes \ud83d\ude00 for two characters.
            fresh.write_text(json.dumps(content, ensure_ascii=False))
            fresh.replace(path)

    async def start(self, cause: Cause, typed: str | None = None) -> asyncio.subprocess.Process:
        """Start the VM; what it prints goes to the file `console`."""
        self.provision()
        variables = {
            "TWIN_RESET_CAUSE": str(int(cause)),
            "TWIN_CHIP_ID": f"{self.chip:08x}",
            "TWIN_WORLD": str(self.folder / "world.json"),
        }
        with (self.folder / "console").open("wb") as console:
            return await vm.spawn(
                self.folder / "flash", self.build.search_path, variables, console, typed
            )

    async def wake(
        self, cause: Cause = Cause.DEEPSLEEP, *, within: float = 90, typed: str | None = None
    ) -> Wake:
        """One life of the VM, from its start to its end."""
        sleep = self.folder / "sleep"
        sleep.unlink(missing_ok=True)
        began = time.monotonic()
        process = await self.start(cause, typed)
        try:
            async with asyncio.timeout(within):
                status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        asked = int(sleep.read_text()) if sleep.exists() else None
        console = (self.folder / "console").read_text(errors="replace")
        return Wake(status, asked, time.monotonic() - began, console)
