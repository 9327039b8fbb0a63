"""A stock yaota8266 server as far as the wire shows it, on a small device; no sockets, no clock.

It differs from ours where it matters to a client: an end is taken at any time, a session that
timed out leaves its half-filled buffer behind (so the image that follows is spoilt), and whatever
does not fit the device's receive buffers while it is busy is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from contracts.ota.protocol import is_signed_by, parse_datagram

__all__ = ["Device", "StockServer"]

_SECTOR = 4096


@dataclass
class StockServer:
    """The server's state; `flash` is the slot, written a sector at a time."""

    modulus: bytes
    packet_wait: float = 10.0
    flash: bytearray = field(default_factory=lambda: bytearray(b"\xff" * 0x99000))
    finished: bool = False
    sessions_lost: int = 0
    erased: int = 0

    def __post_init__(self) -> None:
        self._offset, self._previous = 0, -1
        self._buffer = b""
        self._heard = 0.0

    def tick(self, now: float) -> None:
        """The once-a-second timer."""
        if self._previous != -1 and now - self._heard > self.packet_wait:
            self._offset, self._previous = 0, -1
            self.sessions_lost += 1

    def receive(self, raw: bytes, now: float) -> bytes | None:
        """The answer to a datagram, if there is one."""
        datagram = parse_datagram(raw)
        if datagram is None or not is_signed_by(datagram, self.modulus):
            return None
        if datagram.length == 0:
            self._write()
            self.finished = True
            return None
        if datagram.offset != self._previous:
            if datagram.offset != self._offset or len(self._buffer) + datagram.length > _SECTOR:
                return None
            self._buffer += raw[12 : 12 + datagram.length]
            self._previous, self._offset = self._offset, self._offset + datagram.length
            if len(self._buffer) == _SECTOR:
                self._write()
        self._heard = now
        return raw[:12] + b"\0" * 8

    def _write(self) -> None:
        if self._buffer:
            at = (self._offset - 1) // _SECTOR * _SECTOR
            self.flash[at : at + _SECTOR] = self._buffer.ljust(_SECTOR, b"\xff")
            self._buffer = b""
            self.erased += 1


class Device:
    """The server behind a receive queue of `buffers` datagrams, busy a while with each one.

    `check` is the time one datagram takes (RSA), `erase` what a sector takes on top, in seconds.
    """

    def __init__(
        self, server: StockServer, buffers: int = 8, check: float = 0.0, erase: float = 0.0
    ) -> None:
        self.server = server
        self.overflowed = 0
        self._buffers, self._check, self._erase = buffers, check, erase
        self._queue: deque[float] = deque()  # when each queued datagram will be done with
        self._free_at = 0.0

    def receive(self, raw: bytes, now: float) -> tuple[float, bytes] | None:
        """When the answer leaves, and the answer; None for none."""
        while self._queue and self._queue[0] <= now:
            self._queue.popleft()
        if len(self._queue) >= self._buffers:
            self.overflowed += 1
            return None
        erased = self.server.erased
        answer = self.server.receive(raw, now)
        busy = self._check + self._erase * (self.server.erased - erased)
        self._free_at = max(self._free_at, now) + busy
        self._queue.append(self._free_at)
        return (self._free_at, answer) if answer else None
