"""A board in its loader: connected, asked, written, restarted, through esptool as a library."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable
from typing import Any, Self

import serial
from esptool import cmds
from esptool.logger import TemplateLogger, log
from esptool.util import FatalError, flash_size_bytes

from contracts.flash_map import SECTOR
from host.boards import Board
from host.flash.bootlog import BootFinding, BootLog
from host.flash.errors import (
    InterruptedFlashError,
    NoLoaderError,
    VerifyError,
    WrongChipError,
)
from host.flash.plan import FlashPlan, Part
from host.serial_port import NoPortError

__all__ = ["Chip", "Progress"]

Progress = Callable[[str, float], None]
"""Told the part's name and the share of it that is written, 0 to 1."""

_CONNECT_BAUD = 115200  # the ROM measures the host's speed; this one every adapter does well
# With RTS and DTR each attempt resets the chip; without, a person presses meanwhile: 0.75 s each.
_ATTEMPTS, _ATTEMPTS_BY_HAND = 7, 40
_TRIES = 5
_HELPER_TRIES = 3  # of 3 s each
# What esptool raises for an answer that lost some of its bytes.
_LOST = (FatalError, IndexError, struct.error)
_SPI_READ = 0x03
# After the bootloader's line: as long as an application needs to crash or to greet.
_SETTLE_S = 2.0
_FLASH_NAMES = {
    512 << 10: "512KB",
    **{n << 20: f"{n}MB" for n in (1, 2, 4, 8, 16)},
}


class _NoHelperError(Exception):
    """esptool's helper (its stub) was sent and did not say that it runs."""


class Chip:
    """An ESP8266 in its loader on an open port; a context manager that gives the port back.

    `description` is the chip as esptool calls it, `flash_size` in bytes.
    """

    def __init__(self, port: serial.Serial, esp: Any, *, lines: bool) -> None:
        self._port = port
        self._esp = esp
        self._lines = lines
        self.description: str = esp.get_chip_description()
        self.flash_size = 0

    @classmethod
    def connect(cls, device: str, board: Board, *, baud: int, stub: bool = True) -> Self:
        """Start the loader and talk to it; nothing is erased or written.

        `baud` is the speed for writing. Without `stub` the mask ROM does all the work: slowly, and
        it cannot read flash. Raises NoPortError, NoLoaderError, WrongChipError.
        """
        port = _open(device)
        helper: _NoHelperError | None = None
        try:
            for _ in range(_HELPER_TRIES):
                try:
                    return cls._connected(port, board, baud=baud, stub=stub)
                except _NoHelperError as error:
                    # A line that loses bytes may lose its first word. Then it is found running,
                    # or the loader is still there: both answer again.
                    helper = helper or error
        except (*_LOST, serial.SerialException, OSError) as error:
            port.close()
            raise NoLoaderError(_no_answer(device, board, helper or error)) from None
        except BaseException:
            port.close()
            raise
        port.close()
        raise NoLoaderError(_no_answer(device, board, helper or _NoHelperError()))

    @classmethod
    def _connected(cls, port: serial.Serial, board: Board, *, baud: int, stub: bool) -> Self:
        lines = _has_lines(port) and board.auto_reset
        esp = cmds.detect_chip(
            port,
            _CONNECT_BAUD,
            "default-reset" if lines else "no-reset",
            False,
            _ATTEMPTS if board.auto_reset else _ATTEMPTS_BY_HAND,
        )
        if esp.CHIP_NAME != "ESP8266":
            raise WrongChipError(
                f"{port.port}: this is an {esp.CHIP_NAME}; Dormouse runs on the ESP8266 only"
            )
        if stub:
            try:
                esp = cmds.run_stub(esp)
            except _LOST as error:
                raise _NoHelperError(str(error)) from error
        # A port that went away does not come back by itself: whoever pulled it plugs it in.
        esp.WRITE_FLASH_ATTEMPTS = 1
        chip = cls(port, esp, lines=lines)
        if stub and baud != _CONNECT_BAUD:
            esp.change_baud(baud)
        cmds.attach_flash(esp)
        name = cmds.detect_flash_size(esp)
        if name is None:
            raise NoLoaderError(
                f"{port.port}: the flash says id {esp.flash_id():#08x}, which says no size: is its "
                "wiring, or the power, right?"
            )
        chip.flash_size = flash_size_bytes(name)
        return chip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(FatalError, serial.SerialException, OSError):
            if self._esp.IS_STUB and self._port.is_open and self._esp.get_baud() != _CONNECT_BAUD:
                self._esp.change_baud(_CONNECT_BAUD)  # so that a next run finds it
        self._port.close()

    def write(self, plan: FlashPlan, progress: Progress, *, erase_all: bool = False) -> None:
        """Write the plan's parts and compare them with the flash; what is there already stays.

        Raises InterruptedFlashError, VerifyError.
        """
        name = ""
        try:
            if erase_all:
                name = "everything (erasing)"
                cmds.erase_flash(self._esp)
            for part in plan.parts:
                name = part.name
                self._write_part(part, plan, progress)
        except (KeyboardInterrupt, serial.SerialException, OSError) as error:
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else "the port went away"
            raise InterruptedFlashError(
                f"{why} in the middle of {name}: the board does not start like this; connect it "
                "and give the same command again"
            ) from None

    def _write_part(self, part: Part, plan: FlashPlan, progress: Progress) -> None:
        """A part, again if the line lost something of it."""
        last = ""
        _LOG.progress = lambda share: progress(part.name, share)
        for attempt in range(_TRIES):
            try:
                if attempt:
                    self._slower()
                self._write_once(part, plan)
            except _LOST as error:
                last = str(error).splitlines()[0]
            else:
                progress(part.name, 1.0)
                return
        raise VerifyError(
            f"{part.name}: {_TRIES} times not written as it should be ({last}): try --baud 115200, "
            "another cable, and power of its own for the board"
        )

    def _write_once(self, part: Part, plan: FlashPlan) -> None:
        cmds.write_flash(
            self._esp,
            [(part.offset, part.data)],
            flash_mode=plan.mode,
            flash_size=_FLASH_NAMES[plan.flash_size],
            # The stub compares MD5 sums: what a run before has written is not written again.
            skip_flashed=self._esp.IS_STUB,
        )
        if not self._esp.IS_STUB:
            self._compare_starts(part)

    def _compare_starts(self, part: Part) -> None:
        """The first word of every sector; the ROM has no command to read more in a bearable time.

        Raises FatalError, as esptool does for what it compares itself.
        """
        for at in range(0, len(part.data), SECTOR):
            expected = part.data[at : at + 4].ljust(4, b"\xff")
            if part.offset + at == 0:
                continue  # esptool puts flash mode and size there
            word = self._esp.run_spiflash_command(
                _SPI_READ, read_bits=32, addr=part.offset + at, addr_len=24
            )
            if word.to_bytes(4, "little") != expected:
                raise FatalError(f"flash at {part.offset + at:#x} holds something else")

    def _slower(self) -> None:
        """Begin anew with a line that lost something, at the speed that every adapter does."""
        self._esp.flush_input()
        self._esp.connect("no-reset", _ATTEMPTS)
        if self._esp.IS_STUB and self._esp.get_baud() != _CONNECT_BAUD:
            self._esp.change_baud(_CONNECT_BAUD)

    def restart(self, console_baud: int) -> None:
        """Leave the loader and start what was written; the port then has the console's speed."""
        if self._lines:
            self._port.baudrate = console_baud
            self._esp.hard_reset()
        else:
            if self._esp.IS_STUB:
                self._esp.change_baud(console_baud)  # acknowledged, so nothing is cut off
            self._esp.soft_reset(False)
            self._port.flush()
            self._port.baudrate = console_baud
        # From here on it is no loader that listens.
        self._esp.IS_STUB = False

    def watch(self, seconds: float) -> BootFinding:
        """Listen to the start, for so many seconds at the most."""
        boot = BootLog()
        deadline = time.monotonic() + seconds
        self._port.timeout = 0.1
        try:
            while time.monotonic() < deadline:
                data = self._port.read(self._port.in_waiting or 1)
                if finding := boot.feed(data):
                    return finding
                if data and boot.started:
                    deadline = min(deadline, time.monotonic() + _SETTLE_S)
        except (serial.SerialException, OSError):
            return BootFinding(
                good=False,
                text="the port went away while the board started: its adapter gives way (brown-out)"
                "; give the board power of its own, 3.3 V, 300 mA",
            )
        return boot.silence()


def _open(device: str) -> serial.Serial:
    try:
        return serial.serial_for_url(device, _CONNECT_BAUD, exclusive=True, timeout=0.1)
    except (serial.SerialException, OSError, ValueError) as error:
        raise NoPortError(f"{device}: cannot be opened: {error}") from None


def _has_lines(port: serial.Serial) -> bool:
    """Whether the port has RTS and DTR at all: a pty or a network port may not."""
    try:
        _ = port.cts
    except OSError:
        return False
    return True


def _no_answer(device: str, board: Board, error: Exception) -> str:
    reason = next(iter(str(error).splitlines()), "no reason given").rstrip(".")
    if isinstance(error, _NoHelperError):
        return f"{device}: esptool's helper does not run on this chip ({reason}): try --no-stub"
    hint = board.loader or (
        "hold its FLASH button (GPIO0) while you press RST, take off what is wired to D0 and D3"
    )
    return f"{device}: the chip's loader does not answer ({reason}): {hint}"


class _Log(TemplateLogger):  # type: ignore[misc]  # esptool ships no types
    """esptool's log: silent but for the progress of what is written."""

    def __init__(self) -> None:
        self.progress: Callable[[float], None] = lambda _: None

    def print(self, *args: Any, **kwargs: Any) -> None: ...
    def note(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...
    def stage(self, finish: bool = False) -> None: ...
    def set_verbosity(self, verbosity: str) -> None: ...

    def progress_bar(
        self,
        cur_iter: int,
        total_iters: int,
        prefix: str = "",  # noqa: ARG002  # esptool's interface
        suffix: str = "",  # noqa: ARG002  # esptool's interface
        bar_length: int = 30,  # noqa: ARG002  # esptool's interface
    ) -> None:
        self.progress(cur_iter / total_iters if total_iters else 1.0)


_LOG = _Log()
log.set_logger(_LOG)
