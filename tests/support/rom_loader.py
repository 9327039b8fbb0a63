"""An emulated ESP8266 on a pty: its ROM loader, its serial line with its speeds and faults."""

from __future__ import annotations

import contextlib
import os
import random
import select
import struct
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.rom_chip import BAD_LENGTH, Chip, answer

_END, _ESC = 0xC0, 0xDB
_ROM_GIBBERISH = bytes(range(0x80, 0xC0))  # its banner, at 74880 baud, as a host at 115200 sees it
CONSOLE_BAUD = 115200
_START_S = 0.3
_BAUDS = (9600, 115200, 230400, 460800, 921600)
_SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in _BAUDS}


@dataclass
class Faults:
    """What goes wrong on the line, drawn by `seed`.

    Of `to_chip` and `to_host` that share of frames loses a byte, from the first erase on; the plug
    is pulled when so many bytes were written to flash.
    """

    seed: int = 0
    to_chip: float = 0
    to_host: float = 0
    unplug_at: int | None = None


class Serial:
    """The board's end of the line, served by a thread of its own. `port` is the host's end.

    `prompt` is the port of another board (tests.support.repl), which speaks once this one started.
    """

    def __init__(
        self,
        chip: Chip,
        faults: Faults | None = None,
        boots: Callable[[], bytes] | None = None,
        prompt: str | None = None,
    ) -> None:
        self.chip = chip
        self.faults = faults or Faults()
        self.boots = boots
        self.lost = 0
        self._chance = random.Random(self.faults.seed)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._prompt = os.open(prompt, os.O_RDWR | os.O_NOCTTY) if prompt else None
        self._stop, self._stopped = os.pipe()
        self._unplugged = False
        self._partial: bytearray | None = None
        self._thread = threading.Thread(target=self._serve, name="chip")
        chip.restarted = self._restart

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        os.write(self._stopped, b"x")
        self._thread.join()
        for descriptor in (self._stop, self._stopped):
            os.close(descriptor)
        self._unplug()

    def _unplug(self) -> None:
        if not self._unplugged:
            self._unplugged = True
            for descriptor in (self._slave, self._master, self._prompt):
                if descriptor is not None:
                    os.close(descriptor)

    def _serve(self) -> None:
        sources = [one for one in (self._master, self._stop, self._prompt) if one is not None]
        while not self._unplugged:
            ready, _, _ = select.select(sources, [], [])
            if self._stop in ready:
                return
            if self._prompt in ready:
                said = os.read(self._prompt, 65536)
                if not self.chip.in_loader:
                    os.write(self._master, said)
            if self._master in ready:
                self._hear(os.read(self._master, 65536))

    def _hear(self, data: bytes) -> None:
        chip = self.chip
        if not chip.in_loader:
            if self._prompt is not None:
                os.write(self._prompt, data)
            return
        if not chip.in_stub:
            chip.baud = self._host_baud()  # the ROM measures the speed of what it hears
        if chip.baud != self._host_baud():
            data = bytes(value ^ 0x5A for value in data)
        for value in data:
            if value != _END:
                if self._partial is not None:
                    self._partial.append(value)
            elif self._partial:
                frame, self._partial = bytes(self._partial), None
                self._frame(frame)
                if self._unplugged or not chip.in_loader:
                    return
            else:
                self._partial = bytearray()

    def _frame(self, frame: bytes) -> None:
        frame = self._damaged(frame, self.faults.to_chip)
        packet = frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
        if len(packet) < 8 or packet[0] != 0:
            return
        _, op, length, check = struct.unpack("<BBHI", packet[:8])
        if length == len(packet) - 8:
            replies = self.chip.command(op, check, packet[8:])
        else:
            replies = iter([answer(op, 0, BAD_LENGTH)])
        for reply in replies:
            self._say(slip(self._damaged(reply, self.faults.to_host)))
        limit = self.faults.unplug_at
        if limit is not None and self.chip.written >= limit:
            self._unplug()

    def _damaged(self, frame: bytes, share: float) -> bytes:
        if self.chip.erased and self._chance.random() < share:
            self.lost += 1
            at = self._chance.randrange(len(frame))
            return frame[:at] + frame[at + 1 :]
        return frame

    def _say(self, data: bytes) -> None:
        if self.chip.baud != self._host_baud():
            data = bytes(value | 0x80 for value in data)
        with contextlib.suppress(OSError):
            os.write(self._master, data)

    def _restart(self) -> None:
        """What the board prints when it starts; the ROM's own words first, at another speed."""
        if self.boots is None:
            return
        log = self.boots()
        # The ROM loads the bootloader, which watches its pins: nobody hears the last answer and
        # these words in one.
        select.select([self._stop], [], [], _START_S)
        os.write(self._master, _ROM_GIBBERISH)
        self.chip.baud = CONSOLE_BAUD
        self._say(log)

    def _host_baud(self) -> int:
        return _SPEEDS.get(termios.tcgetattr(self._master)[5], 0)


def slip(frame: bytes) -> bytes:
    """The frame as it goes over the line."""
    return b"\xc0" + frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


@pytest.fixture
def plugged_in() -> Iterator[Callable[..., Serial]]:
    """Plugs emulated boards in: `plugged_in(chip, faults, boots)`; all are taken off afterwards."""
    lines: list[Serial] = []

    def plug_in(
        chip: Chip,
        faults: Faults | None = None,
        boots: Callable[[], bytes] | None = None,
        prompt: str | None = None,
    ) -> Serial:
        line = Serial(chip, faults, boots, prompt)
        line.start()
        lines.append(line)
        return line

    yield plug_in
    for line in lines:
        line.stop()


def blank(size: int) -> bytearray:
    """An erased flash part."""
    return bytearray(b"\xff" * size)


def dump(chip: Chip, path: Path) -> Path:
    """The chip's flash in a file."""
    path.write_bytes(chip.flash)
    return path
