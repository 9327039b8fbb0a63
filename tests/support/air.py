"""Multicast DNS between virtual devices and real responders on the loopback interface.

Other tests' hubs answer there too: only what names one of `heard` comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

__all__ = ["Air", "air"]

_GROUP = ("224.0.0.251", 5353)
_LOOPBACK = "127.0.0.1"


class Air(asyncio.DatagramProtocol):
    """`port` is for a world's `net.mdns`; `heard` are names that may come back, as bytes."""

    def __init__(self) -> None:
        self.heard: set[bytes] = set()
        # The broker's port in an SRV record: hubs made of one template have one name.
        self.broker: int | None = None
        self.asked = 0
        self.port = 0
        self._ours: asyncio.DatagramTransport | None = None
        self._theirs: dict[tuple[str, int], asyncio.DatagramTransport] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._ours = transport  # type: ignore[assignment]
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, device: tuple[str, int]) -> None:
        self.asked += 1
        asyncio.get_running_loop().create_task(self._ask(data, device))

    async def _ask(self, data: bytes, device: tuple[str, int]) -> None:
        if device not in self._theirs:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            own = socket.inet_aton(_LOOPBACK)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
            sock.bind((_LOOPBACK, 0))
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            made, _ = await loop.create_datagram_endpoint(lambda: _Answers(self, device), sock=sock)
            self._theirs[device] = made
        self._theirs[device].sendto(data, _GROUP)

    def answered(self, data: bytes, device: tuple[str, int]) -> None:
        named = any(name in data.lower() for name in self.heard)
        # An address alone is the same for all of one name.
        another = self.broker is not None and b"_dormouse" in data and self._served not in data
        if self._ours is not None and named and not another:
            self._ours.sendto(data, device)

    @property
    def _served(self) -> bytes:
        """Priority 0, weight 0, and the port (RFC 2782)."""
        return struct.pack(">HHH", 0, 0, self.broker or 0)

    def close(self) -> None:
        for one in (self._ours, *self._theirs.values()):
            if one is not None:
                one.close()


class _Answers(asyncio.DatagramProtocol):
    def __init__(self, air: Air, device: tuple[str, int]) -> None:
        self._air, self._device = air, device

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._air.answered(data, self._device)


@contextlib.asynccontextmanager
async def air() -> AsyncIterator[Air]:
    """Between its opening and its end."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_datagram_endpoint(Air, local_addr=(_LOOPBACK, 0))
    try:
        yield made
    finally:
        made.close()
