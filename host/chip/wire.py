"""The wire between the emulated chip and its surroundings: messages over two FIFOs.

emulator/rom/link.h says what a message is; here is the end outside of QEMU.
"""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from host.chip.errors import ChipFailedError
from host.chip.watch import LOOK_S, Watch

__all__ = ["Kind", "Message", "Wire", "WireClosedError"]

_HEAD = struct.Struct("<BBH")
_CHUNK = 65536


class Kind(IntEnum):
    """What a message is; its byte is a letter that says so in a dump."""

    HELLO = ord("H")
    POLL = ord("P")
    FRAME = ord("F")
    INPUT = ord("I")
    DUMP = ord("D")
    CUT = ord("X")
    CHIP = ord("W")
    JOIN = ord("J")
    SCAN = ord("S")
    POINT = ord("A")
    DRIVE = ord("O")
    LEVELS = ord("L")


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `interface` counts for frames: 0 the station, 1 the access point."""

    kind: Kind
    body: bytes = b""
    interface: int = 0

    def pack(self) -> bytes:
        """The bytes on the wire."""
        return _HEAD.pack(self.kind, self.interface, len(self.body)) + self.body


class WireClosedError(EOFError):
    """The emulated chip has ended."""


class Wire:
    """The outer end. Make the FIFOs, start QEMU with `prefix`, then `open`; blocking throughout.

    `watch` is over QEMU's process: without one silence is borne for ever.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.watch: Watch | None = None
        self._in = self._out = -1
        self._buffer = bytearray()
        for path in self._paths():
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, alive: Callable[[], bool]) -> None:
        """Open both ends as QEMU opens its own. Raises WireClosedError when `alive` ends before."""
        outgoing, incoming = self._paths()
        # Not blocking: a QEMU that died before it opened them would be waited for in vain.
        self._out = os.open(outgoing, os.O_RDONLY | os.O_NONBLOCK)
        while self._in < 0:
            try:
                self._in = os.open(incoming, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads it yet
                if not alive():
                    raise WireClosedError from None
                _pause()
        os.set_blocking(self._out, True)
        os.set_blocking(self._in, True)

    def close(self) -> None:
        """Close and remove both."""
        for end in (self._in, self._out):
            if end >= 0:
                os.close(end)
        self._in = self._out = -1
        for path in self._paths():
            path.unlink(missing_ok=True)

    def receive(self) -> Message:
        """The next message from the chip. Raises WireClosedError, ChipFailedError for silence."""
        kind, interface, length = _HEAD.unpack(self._take(_HEAD.size))
        return Message(Kind(kind), self._take(length), interface)

    def send(self, *messages: Message) -> None:
        """Send messages, in one piece. Raises WireClosedError."""
        data = b"".join(message.pack() for message in messages)
        try:
            while data:
                data = data[os.write(self._in, data) :]
        except BrokenPipeError:
            raise WireClosedError from None

    def _take(self, length: int) -> bytes:
        while len(self._buffer) < length:
            while not select.select([self._out], [], [], LOOK_S)[0]:
                if self.watch is not None and (wrong := self.watch.look()):
                    raise ChipFailedError(wrong)
            part = os.read(self._out, _CHUNK)
            if self.watch is not None:
                self.watch.heard()
            if not part:
                raise WireClosedError
            self._buffer += part
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _paths(self) -> tuple[Path, Path]:
        return Path(f"{self.prefix}.out"), Path(f"{self.prefix}.in")


def _pause() -> None:
    """Let QEMU start: it opens the FIFOs some ten milliseconds after its own start."""
    select.select([], [], [], 0.002)
