"""One emulated chip: its flash and RTC memory in files, and a run from a reset to the next."""

from __future__ import annotations

import contextlib
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from host.chip.errors import ChipFailedError, NoEmulatorError
from host.chip.network import EmulatedNetwork
from host.chip.surroundings import ChipSurroundings
from host.chip.watch import Watch
from host.chip.wire import Kind, Message, Wire, WireClosedError
from host.chip.wiring import PINS, Wiring

__all__ = ["EmulatedChip", "Ended", "Run", "Typed"]

QEMU = "qemu-system-xtensa"
_RTC_SIZE = 1024
_RTC_REASON = 0x100  # where the SDK finds why it was reset
_LINE = re.compile(r"^(\w+) (\d+)$")
_NUMBERS = ("begin", "begin_reads", "ccount", "us", "operations", "reads", "stack", "sleep")
# Under -icount shift=0 an instruction is a nanosecond, and CCOUNT counts 40 MHz.
_INSTRUCTIONS_A_TICK = 25


class Ended(IntEnum):
    """Why a run ended: the exit statuses of emulator/rom/host.h."""

    CUT = 9
    RESTART = 30
    ASLEEP = 32
    WATCHDOG = 33
    FAULT = 70
    STRICT = 71
    MISUSE = 72
    NO_BOOT = 73
    HOST = 74
    KILLED = -9


class Reason(IntEnum):
    """Why the chip was reset, as the SDK says it."""

    POWER = 0
    SOFT = 4
    DEEP_SLEEP = 5
    PIN = 6


@dataclass(frozen=True, slots=True)
class Run:
    """What a run was: from a reset to the next, or to the end of the power.

    `instructions` are those since the application began (`boot_instructions` before it), of the
    chip's programs and the fake SDK; `flash_reads` likewise; `flash_writes` counts sectors erased
    and pages written. `stack` is in bytes, `us` the chip's time, `sleep_us` how long it sleeps.
    """

    ended: Ended
    said: str
    instructions: int
    boot_instructions: int
    flash_reads: int
    flash_writes: int
    stack: int
    us: int
    sleep_us: int
    memory: bytes = field(default=b"", repr=False)
    # Where the program was at each millisecond of its time.
    sampled: tuple[int, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class Typed:
    """What is typed at the serial port, each line once what it waits for has been said."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0

    def due(self, said: str) -> bytes:
        """What is to be typed now; nothing while the next step's words have not been said."""
        if not self.steps:
            return b""
        wanted, text = self.steps[0]
        at = said.find(wanted, self.seen)
        if at < 0:
            return b""
        self.seen = at + len(wanted)
        del self.steps[0]
        return text.encode()


@dataclass
class EmulatedChip:
    """A chip in `folder`, where the fake mask ROM (`rom`, linked) starts what is in flash."""

    folder: Path
    rom: Path
    network: EmulatedNetwork
    surroundings: ChipSurroundings = field(default_factory=ChipSurroundings)
    chip_id: int = 0x00D0C515
    # What of memory a run shows at its end: address and length, none by default.
    shown: tuple[int, int] = (0, 0)
    # What is on its pins; None for nothing.
    wiring: Wiring | None = None
    runs: int = 0

    @property
    def flash(self) -> Path:
        """Its flash, byte by byte."""
        return self.folder / "flash.bin"

    @property
    def rtc(self) -> Path:
        """Its RTC memory."""
        return self.folder / "rtc.bin"

    @property
    def console(self) -> Path:
        """What the last run said."""
        return self.folder / "console"

    def power_on(self) -> None:
        """Make RTC memory what it is when power comes: nothing of what was."""
        self.rtc.write_bytes(bytes(_RTC_SIZE))
        if self.wiring is not None:
            self.wiring.power_on()

    def reset(self, reason: Reason) -> None:
        """Say why it is reset, other than by itself."""
        memory = bytearray(self.rtc.read_bytes())
        memory[_RTC_REASON : _RTC_REASON + 4] = int(reason).to_bytes(4, "little")
        self.rtc.write_bytes(memory)

    def run(
        self,
        *,
        cut: int = 0,
        button_ms: int = -1,
        typed: Typed | None = None,
        each: Callable[[int], bool] | None = None,
        started: Callable[[subprocess.Popen[bytes]], None] | None = None,
    ) -> Run:
        """From this reset to the next.

        `cut` is the flash operation in whose middle the power goes, 0 for none; `button_ms` when
        GPIO0 changes while the bootloader watches. `each` is called with the chip's time in us at
        each of its milliseconds, and ends the run by True. `started` is given QEMU's process.
        Raises NoEmulatorError, ChipFailedError.
        """
        program = shutil.which(QEMU)
        if program is None:
            raise NoEmulatorError(f"{QEMU}: not on this machine (Debian: qemu-system-misc)")
        if not self.rtc.exists():
            self.power_on()
        self.runs += 1
        self.network.forget()
        if self.wiring is not None:
            self.wiring.reset()
        with Wire(self.folder / "wire") as wire, self.console.open("wb") as console:
            arguments = ["rom", self.flash, self.rtc, cut, button_ms, 1, 0, "-", wire.prefix]
            process = subprocess.Popen(
                [
                    program,
                    *_QEMU_OPTIONS,
                    "-semihosting-config",
                    _semihosting(arguments),
                    "-kernel",
                    self.rom,
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
            wire.watch = Watch(process.pid)
            if started is not None:
                started(process)
            session = _Session(self, wire, typed or Typed(), each)
            try:
                wire.open(lambda: process.poll() is None)
                session.serve()
            except WireClosedError:
                pass
            finally:
                if session.stopped or process.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(5 if not session.stopped else 0)
                    process.kill()
                process.wait()
        run = self._run(process.returncode, session)
        if self.wiring is not None:
            self.wiring.rest(run.us + run.sleep_us)
        return run

    def said(self) -> str:
        """All that the run under way has said so far."""
        return self.console.read_bytes().decode(errors="replace")

    def _run(self, status: int, session: _Session) -> Run:
        said = self.said()
        numbers: dict[str, int] = {}
        lines = []
        for line in said.splitlines():
            found = _LINE.match(line)
            if found and found[1] in _NUMBERS:
                numbers[found[1]] = int(found[2])
            else:
                lines.append(line)
        text = "\n".join(lines)
        try:
            ended = Ended.KILLED if session.stopped else Ended(status)
        except ValueError:
            raise ChipFailedError(f"QEMU ended with {status}: {text[-500:]}") from None
        if ended in (Ended.FAULT, Ended.STRICT, Ended.MISUSE, Ended.HOST):
            raise ChipFailedError(f"{ended.name.lower()}: {text[-500:]}")
        # Nothing is counted of a run whose power went.
        whole = "ccount" in numbers
        begin = numbers.get("begin", numbers.get("ccount", 0))
        return Run(
            ended,
            text,
            (numbers.get("ccount", begin) - begin) * _INSTRUCTIONS_A_TICK,
            begin * _INSTRUCTIONS_A_TICK,
            numbers.get("reads", 0) - numbers.get("begin_reads", 0) if whole else 0,
            numbers.get("operations", 0),
            numbers.get("stack", 0),
            numbers.get("us", session.now_us),
            numbers.get("sleep", 0),
            bytes(session.memory),
            tuple(session.sampled),
        )


_QEMU_OPTIONS = (
    *("-M", "sim", "-cpu", "lx106", "-display", "none", "-monitor", "none"),
    *("-serial", "none", "-parallel", "none", "-net", "none", "-icount", "shift=0"),
)


def _semihosting(arguments: Sequence[object]) -> str:
    # A comma in a path is written twice.
    texts = (str(argument).replace(",", ",,") for argument in arguments)
    return ",".join(["enable=on", *(f"arg={text}" for text in texts)])


class _Session:
    """What answers the chip while it runs."""

    def __init__(
        self,
        chip: EmulatedChip,
        wire: Wire,
        typed: Typed,
        each: Callable[[int], bool] | None,
    ) -> None:
        self.chip = chip
        self.wire = wire
        self.typed = typed
        self.each = each
        self.now_us = 0
        self.memory = bytearray()
        self.stopped = False
        self.sampled: list[int] = []
        self._began = time.monotonic()

    def serve(self) -> None:
        """Answer until the chip ends. Raises WireClosedError."""
        network, wiring = self.chip.network, self.chip.wiring
        while not self.stopped:
            message = self.wire.receive()
            match message.kind:
                case Kind.POLL:
                    self._poll(message)
                case Kind.FRAME:
                    network.handle_frame(message.interface, message.body, self.now_us)
                case Kind.DRIVE if wiring is not None:
                    wiring.drive(*struct.unpack("<IIQ", message.body))
                case Kind.DUMP:
                    self.memory += message.body
                case _:
                    self.wire.send(Message(message.kind, self._answer(message)))

    def _answer(self, message: Message) -> bytes:
        """What is said to a question that is none of the network's."""
        around, wiring = self.chip.surroundings, self.chip.wiring
        match message.kind:
            case Kind.HELLO:
                # The same for the same run of the same chip, another one for each run.
                seed = hash((around.seed, self.chip.chip_id, self.chip.runs)) & 0xFFFFFFFF
                pins = PINS if wiring is not None else 0
                return struct.pack("<IIII", seed, *self.chip.shown, pins)
            case Kind.CHIP:
                return struct.pack("<IHH", self.chip.chip_id, around.adc, around.supply_mv)
            case Kind.JOIN:
                return around.join(message.body)
            case Kind.SCAN:
                return around.scan()
            case Kind.LEVELS if wiring is not None:
                return struct.pack("<I", wiring.levels(int.from_bytes(message.body, "little")))
            case _:
                return b""

    def _poll(self, message: Message) -> None:
        around, network = self.chip.surroundings, self.chip.network
        wait_us, low, high, pc = struct.unpack("<IIII", message.body)
        self.now_us = low | high << 32
        if pc:
            self.sampled.append(pc)
        if self.each is not None and self.each(self.now_us):
            self.stopped = True
            return
        answers = []
        if around.cut_us is not None and self.now_us >= around.cut_us:
            answers.append(Message(Kind.CUT))
        if self.typed.steps and (due := self.typed.due(self.chip.said())):
            answers.append(Message(Kind.INPUT, due))
        frames = network.poll(self.now_us, self._wait_s(wait_us, bool(answers)))
        answers += [Message(Kind.FRAME, frame, interface) for interface, frame in frames]
        passed = 0 if frames else wait_us
        self.wire.send(*answers, Message(Kind.POLL, passed.to_bytes(4, "little")))

    def _wait_s(self, wait_us: int, busy: bool) -> float:
        """How long to wait for something to happen, of this machine's time."""
        around = self.chip.surroundings
        if busy:
            return 0.0
        if patience := self.chip.network.patience():
            return patience
        if around.paced:
            ahead = (self.now_us + wait_us) / 1e6 - (time.monotonic() - self._began)
            return max(0.0, min(ahead, 0.05))
        return 0.0
