"""One TCP connection between the chip and a socket of this machine.

The chip's side is lwIP's real TCP, over a wire that loses nothing but what the chip has no room
for; so this end sends in order, waits for acknowledgements, sends again after a while, no more.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections import deque
from collections.abc import Callable
from enum import Enum, auto

from host.chip.frames import Flags, TcpSegment

__all__ = ["TcpConnection"]

_MASK = 0xFFFFFFFF
_WINDOW = 8192
_MSS = 1460
_AGAIN_US = 500_000  # of the chip's time: lwIP answers within a few milliseconds
_TRIES = 8


class State(Enum):
    """Of the connection as the chip sees it."""

    CONNECTING = auto()  # the socket is not connected yet; the chip's SYN waits for an answer
    SYN_SENT = auto()  # we called the chip
    OPEN = auto()
    CLOSED = auto()


class TcpConnection:
    """`transmit` takes the segments for the chip; `port` is its own, `peer_port` the other's.

    `patience_s` is how long an answer to what the chip sent is waited for at most.
    """

    def __init__(
        self,
        sock: socket.socket,
        port: int,
        peer_port: int,
        transmit: Callable[[TcpSegment], None],
        patience_s: float = 0.5,
    ) -> None:
        self.socket = sock
        self.port = port
        self.peer_port = peer_port
        self.state = State.CONNECTING
        # Until when an answer to the chip may come at once, of this machine's time.
        self.answer_until = 0.0
        self._transmit = transmit
        self._patience_s = patience_s
        self._next = secrets.randbits(32)
        self._unacknowledged = self._next
        self._expected = 0
        self._window = 0
        self._mss = 536
        self._sent: deque[TcpSegment] = deque()
        self._sent_at = 0
        self._tries = 0
        self._ended = self._chip_ended = False
        sock.setblocking(False)

    @property
    def wants(self) -> tuple[bool, bool]:
        """Whether to look if the socket can read, and write."""
        room = not self._ended and self.state is State.OPEN and self._room() > 0
        return room, self.state is State.CONNECTING

    # --- the socket's side

    def answer_syn(self, segment: TcpSegment) -> None:
        """The chip asked for the connection, the socket is connecting."""
        self._expected = segment.sequence + 1 & _MASK
        self._take_limits(segment)
        self._await(self._patience_s)

    def connected(self, now_us: int) -> None:
        """The socket has connected, or failed to."""
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._say(Flags.RST | Flags.ACK, now_us)
            self.close()
            return
        self.state = State.OPEN
        self._say(Flags.SYN | Flags.ACK, now_us, mss=_MSS)

    def call(self, now_us: int) -> None:
        """Ask the chip for the connection, for a socket that is connected already."""
        self.state = State.SYN_SENT
        self._say(Flags.SYN, now_us, mss=_MSS)

    def read_socket(self, now_us: int) -> None:
        """Hand on what the socket has."""
        try:
            data = self.socket.recv(min(self._room(), self._mss))
        except BlockingIOError:
            return
        except OSError:
            self._say(Flags.RST | Flags.ACK, now_us)
            self.close()
            return
        # More may follow: a broker answers each packet by itself.
        self._await(self._patience_s / 10)
        if data:
            self._say(Flags.ACK | Flags.PSH, now_us, data)
        else:
            self._ended = True
            self._say(Flags.FIN | Flags.ACK, now_us)

    def tick(self, now_us: int) -> None:
        """Send again what has waited too long."""
        if not self._sent or now_us - self._sent_at < _AGAIN_US << min(self._tries, 4):
            return
        self._tries += 1
        if self._tries > _TRIES:
            self.close()
            return
        self._sent_at = now_us
        self._transmit(self._sent[0])

    def close(self) -> None:
        """Let go of the socket."""
        self.state = State.CLOSED
        self.answer_until = 0.0
        self.socket.close()

    # --- the chip's side

    def handle(self, segment: TcpSegment, now_us: int) -> None:
        """What the chip sent."""
        if segment.flags & Flags.RST:
            self.close()
            return
        if self.state is State.SYN_SENT and segment.flags & Flags.SYN:
            self._expected = segment.sequence + 1 & _MASK
            self.state = State.OPEN
            self._take_limits(segment)
            self._acknowledge(segment, now_us)
            self._say(Flags.ACK, now_us)
            return
        if self.state is not State.OPEN:
            return
        self._take_limits(segment)
        self._acknowledge(segment, now_us)
        ends = bool(segment.flags & Flags.FIN)
        if not segment.data and not ends:
            return
        if segment.sequence == self._expected:
            self._take(segment, ends=ends)
        if self.state is State.OPEN:
            self._say(Flags.ACK, now_us)
            if self._chip_ended and self._ended and not self._sent:
                self.close()

    def _take(self, segment: TcpSegment, *, ends: bool) -> None:
        try:
            if segment.data:
                self.socket.setblocking(True)
                self.socket.sendall(segment.data)
                self.socket.setblocking(False)
                self._await(self._patience_s)
            if ends:
                self._chip_ended = True
                self._await(self._patience_s / 10)  # who reads to the end answers with its own
                self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._ended = True
        self._expected = self._expected + len(segment.data) + ends & _MASK

    def _await(self, seconds: float) -> None:
        self.answer_until = time.monotonic() + seconds

    def _take_limits(self, segment: TcpSegment) -> None:
        self._window = segment.window
        self._mss = segment.mss or self._mss

    def _acknowledge(self, segment: TcpSegment, now_us: int) -> None:
        if not segment.flags & Flags.ACK:
            return
        if self._is_before(segment.acknowledged, self._unacknowledged):
            return
        self._unacknowledged = segment.acknowledged
        while self._sent and not self._is_before(segment.acknowledged, self._end_of(self._sent[0])):
            self._sent.popleft()
            self._tries, self._sent_at = 0, now_us
        if self._chip_ended and self._ended and not self._sent:
            self.close()

    def _room(self) -> int:
        return self._window - (self._next - self._unacknowledged & _MASK)

    @staticmethod
    def _is_before(one: int, other: int) -> bool:
        return one - other & _MASK > _MASK >> 1

    @staticmethod
    def _end_of(segment: TcpSegment) -> int:
        control = bool(segment.flags & Flags.SYN) + bool(segment.flags & Flags.FIN)
        return segment.sequence + len(segment.data) + control & _MASK

    def _say(self, flags: Flags, now_us: int, data: bytes = b"", mss: int = 0) -> None:
        acknowledged = self._expected if flags & Flags.ACK else 0
        segment = TcpSegment(
            self.peer_port, self.port, self._next, acknowledged, flags, _WINDOW, data, mss
        )
        end = self._end_of(segment)
        if end != self._next:
            if not self._sent:
                self._sent_at, self._tries = now_us, 0
            self._sent.append(segment)
            self._next = end
        self._transmit(segment)
