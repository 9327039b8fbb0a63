"""TCP segments of a connection on this machine, as they pass the loopback interface (Linux, root).

Counted whole, with handshake and end; what is longer than lwIP's segments on the chip counts as the
segments that those would be.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from types import TracebackType
from typing import Self

__all__ = ["LoopbackCapture", "Traffic"]

# TCP_MSS of MicroPython's port.
MSS = 536
_SYN = 0x02
_ETH_P_IP, _SO_ATTACH_FILTER = 0x0800, 26
# s: an acknowledgement may be delayed for 40 ms.
_QUIET_S = 0.2


class Traffic:
    """One direction: bytes of data, segments that carried some, and all segments."""

    def __init__(self) -> None:
        self.data = self.data_segments = self.segments = 0

    def add(self, size: int) -> None:
        """A segment with so many bytes of data."""
        pieces = -(-size // MSS)
        self.data += size
        self.data_segments += pieces
        self.segments += max(1, pieces)


class LoopbackCapture:
    """Between its opening and `counted`: what goes to a port and comes from it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._socket.bind(("lo", _ETH_P_IP))
        code = _of_port(self._port)
        kept = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(kept))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        self._socket.settimeout(_QUIET_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    def counted(self) -> tuple[Traffic, Traffic]:
        """(up, down) of the connection that began last, once nothing follows for a moment."""
        seen: dict[int, tuple[Traffic, Traffic]] = {}
        assert self._socket is not None
        last = time.monotonic()
        while time.monotonic() - last < _QUIET_S:
            try:
                packet = self._socket.recv(65535)
            except TimeoutError:
                break
            head = (packet[0] & 15) * 4
            source, target = struct.unpack(">HH", packet[head : head + 4])
            up = target == self._port
            device = source if up else target
            size = struct.unpack(">H", packet[2:4])[0] - head - (packet[head + 12] >> 4) * 4
            if packet[head + 13] & _SYN:
                seen.setdefault(device, (Traffic(), Traffic()))
            if device in seen:
                seen[device][0 if up else 1].add(size)
            last = time.monotonic()
        return list(seen.values())[-1]


def _of_port(port: int) -> bytes:
    """A filter (bpf(4)): TCP over IPv4 from or to a port; all else is not even kept."""
    return b"".join(
        struct.pack("HBBI", *one)
        for one in (
            (0x30, 0, 0, 9),  # the protocol
            (0x15, 0, 6, socket.IPPROTO_TCP),
            (0xB1, 0, 0, 0),  # x: the length of the head
            (0x48, 0, 0, 0),  # the source port
            (0x15, 2, 0, port),
            (0x48, 0, 0, 2),  # the target port
            (0x15, 0, 1, port),
            (0x06, 0, 0, 65535),
            (0x06, 0, 0, 0),
        )
    )
