"""Power lost anywhere between the command to update and the OTA server's first bytes.

Whatever it was doing, the device comes back as the old version or the new one, tells so, and takes
the next command: it is never lost, and never half of each.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import shutil
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from host.twin import vm
from host.twin.firmware import Build
from host.twin.rom import Rom
from host.twin.vm import ASLEEP, RESET, Cause
from tests.firmware.board import Board
from tests.firmware.conftest import Ears
from tests.firmware.updates import clear, last_update, stream
from tests.support import seeds
from tests.support.broker import until
from tests.support.twins import Updates

PROGRAMS = Path(__file__).parent / "programs"
OLD, NEW = "1.0.0", "2.0.0"
CUT = 9
MOST_STEPS = 60
LIVES = 12
NUMBERS = itertools.count(1000)


class Power(StrEnum):
    """How it comes back."""

    LOST = "lost"  # RTC memory with it
    DIPPED = "dipped"  # or its reset was pressed: RTC memory outlives that


class Device:
    """A board with a flash part, started by the native bootloader, and the hub's part in it."""

    def __init__(self, board: Board, rom: Rom, shims: Path, ears: Ears, updates: Updates) -> None:
        self.board, self.rom, self.shims, self.ears = board, rom, shims, ears
        self.key, self.image = updates.key, updates.image(NEW)
        self.cause = Cause.POWER
        self.kept = board.folder.with_name("kept")

    # --- its lives

    async def starts_server(self) -> bool:
        """The bootloader's decision."""
        return await self.rom.starts_server(self.board.folder / "rtc.bin", self.cause)

    async def wake(self, typed: str | None = None) -> int:
        """A life of the application in its flash; its exit status."""
        self.board.build = Build(self.rom.modules(), self.shims)
        wake = await self.board.wake(self.cause, typed=typed)
        assert wake.status in {ASLEEP, RESET, CUT}, wake.console
        assert wake.console.strip() == "", wake.console
        self.cause = Cause.DEEPSLEEP if wake.status == ASLEEP else Cause.SOFT
        return wake.status

    async def serve(self, datagrams: int | None = None) -> None:
        """A life of the OTA server, into which the hub streams; the power goes after so many."""
        process = await self.rom.serve()
        assert process.stdout is not None
        try:
            self.rom.handle_output((await process.stdout.readline()).decode().strip())
            address = self.rom.address
            assert address is not None
            if datagrams != 0:
                await asyncio.to_thread(stream, address.text, self.image, self.key, datagrams)
            if datagrams is None:
                await process.wait()
        finally:
            await vm.end(process)
        self.cause = Cause.SOFT

    def lose_power(self, power: Power) -> None:
        """The power goes, and comes back."""
        self.cause = Cause.HARD
        if power is Power.LOST:
            self.cause = Cause.POWER
            (self.board.folder / "rtc.bin").unlink(missing_ok=True)

    # --- what is known of it

    def states(self) -> list[dict[str, Any]]:
        """Every `$ota/state`."""
        return [json.loads(one) for one in self.ears.payloads(self.board.topic + "$ota/state")]

    def version(self) -> str:
        """What it last reported that it runs."""
        reports = self.ears.payloads(self.board.topic + "$report")
        return str(json.loads(reports[-1])["firmware"])

    # --- the hub

    async def command(self) -> int:
        """Command the update; its number."""
        number = next(NUMBERS)
        said = {"id": number, "version": NEW, "board": "twin", "size": len(self.image)}
        await self.ears.say(self.board, "$ota", said)
        return number

    async def begin(self) -> None:
        """As it was when it had been awake once, with the update commanded."""
        shutil.rmtree(self.board.folder)
        shutil.copytree(self.kept, self.board.folder)
        await clear(self.ears, self.board)
        self.cause = Cause.DEEPSLEEP
        await self.command()

    async def settle(self) -> None:
        """Let it live on, with a hub that commands what it has not, until it runs the new version.

        Whether power goes again is not asked here: the hub's rules for another attempt are
        tested where the hub is.
        """
        settings = json.loads((self.board.folder / "flash/settings.json").read_text())
        before = len(self.states())
        for _ in range(LIVES):
            if await self.starts_server():
                await self.serve()
                continue
            assert await self.wake() != CUT
            await self.ears.mark()
            told = self.states()
            if self.version() == NEW and told[-1]["state"] == "updated":
                break
            assert self.version() in (OLD, NEW)
            if self.cause is Cause.DEEPSLEEP:
                await self.command()
        else:
            pytest.fail(f"never updated: {self.states()[-5:]}")
        for one in told[before:]:
            assert one["version"] == (NEW if one["state"] == "updated" else OLD), one
        slot = self.rom.file.read_bytes()[0x3C000:]
        assert slot.startswith(self.image)
        assert json.loads((self.board.folder / "flash/settings.json").read_text()) == settings
        # It stores what the broker has acknowledged, and is as quiet afterwards as ever.
        written = self.board.flash_writes
        assert last_update(self.board)["state"] == "updated"
        assert await self.wake() == ASLEEP
        assert self.board.flash_writes == written

    async def answer(self) -> None:
        """Clear each command once it is accepted: go."""
        answered = self._accepted()
        while True:
            await until(lambda known=answered: self._accepted() > known, within=3600)
            answered = self._accepted()
            await clear(self.ears, self.board)

    def _accepted(self) -> int:
        return sum(one["state"] == "accepted" for one in self.states())


@pytest.fixture
async def device(
    make_board: Callable[..., Board],
    admit: Callable[[Board], Any],
    ears: Ears,
    updatable: Updates,
    firmware_build: Build,
) -> AsyncIterator[Device]:
    """One that was awake once, and a hub that lets it begin."""
    board = await admit(make_board())
    rom = Rom(board.folder, updatable.bootloader, updatable.image(OLD), own=True)
    rom.make()
    assert rom.address is not None
    board.world["wifi"] |= {"subnet": rom.address.subnet, "host": rom.address.host}
    one = Device(board, rom, firmware_build.shims, ears, updatable)
    assert await one.wake() == ASLEEP
    shutil.copytree(board.folder, one.kept)
    hub = asyncio.create_task(one.answer())
    yield one
    hub.cancel()
    await asyncio.wait([hub])
    rom.release()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("power", Power)
@pytest.mark.parametrize("point", ["before", "middle", "after"])
async def test_at_every_write_until_the_hand_over(device: Device, power: Power, point: str) -> None:
    program = f"import sys; sys.path.append({str(PROGRAMS)!r}); import cut; cut.at(%d, {point!r})"
    for step in range(1, MOST_STEPS):
        await device.begin()
        if await device.wake(typed=program % step) == RESET:
            break
        device.lose_power(power)
        await device.settle()
    else:
        pytest.fail("no wake came to its end")
    # RTC memory, what is sent, `ota.json` and its name, the reset.
    assert step > 8


@pytest.mark.timeout(600)
@pytest.mark.parametrize("power", Power)
async def test_from_the_reset_to_the_servers_first_sectors(device: Device, power: Power) -> None:
    seed = seeds.seed()
    chance = random.Random(seed)
    later = chance.sample(range(3, 200), 2) + chance.sample(range(200, 400), 2)
    waiting = 0
    # Before the bootloader looked, after that, and in the server after so many datagrams.
    for place in (None, "decided", 0, 1, 2, *later):
        await device.begin()
        assert await device.wake() == RESET
        if place is not None:
            assert await device.starts_server()
        if isinstance(place, int):
            await device.serve(place)
        device.lose_power(power)
        waiting += await device.starts_server()
        await device.settle()
    # Some left half an image, with which the bootloader starts its server by itself.
    assert waiting
