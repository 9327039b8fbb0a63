"""A bad network between two ends: a seeded model of one, and a UDP relay that behaves like it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

__all__ = ["Path", "Relay", "Weather"]

Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Weather:
    """What a link does to datagrams, each way; times in seconds, chances from 0 to 1.

    A reordered datagram comes `late` seconds after its time, so those behind it overtake it.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    late: float = 0.005


class Path:
    """One direction of a link. The same seed and the same times give the same fates."""

    def __init__(self, weather: Weather, seed: str) -> None:
        self._weather = weather
        self._random = random.Random(seed)
        self._last = float("-inf")
        self.carried = self.lost = 0

    def arrivals(self, now: float) -> list[float]:
        """When the copies of a datagram sent now arrive: none if it is lost, two if doubled."""
        weather, chance = self._weather, self._random.random
        self.carried += 1
        if chance() < weather.loss:
            self.lost += 1
            return []
        copies = 2 if chance() < weather.duplicate else 1
        return [self._arrival(now) for _ in range(copies)]

    def _arrival(self, now: float) -> float:
        weather, chance = self._weather, self._random.random
        at = now + weather.delay + chance() * weather.jitter
        if chance() < weather.reorder:
            return at + weather.late * (0.5 + chance())
        self._last = max(self._last, at)  # jitter alone keeps the order
        return self._last


class Relay:
    """Stands between UDP clients and a server on loopback; an async context manager.

    It listens at `address`. The server may be a function that says where it is now (None: nowhere).
    """

    def __init__(
        self,
        server: Server | Callable[[], Server | None],
        weather: Weather,
        seed: object,
        *,
        address: Server = ("127.0.0.1", 0),
    ) -> None:
        self._server = server if callable(server) else lambda: server
        self._address = address
        self._there = Path(weather, f"{seed} there")
        self._back = Path(weather, f"{seed} back")
        self._front: asyncio.DatagramTransport | None = None
        self._behind: dict[tuple[Server, Server], socket.socket] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self.port = 0

    @property
    def carried(self) -> int:
        """Datagrams sent towards the server, lost ones too."""
        return self._there.carried

    @property
    def losses(self) -> tuple[int, int]:
        """Datagrams lost on the way there and on the way back."""
        return self._there.lost, self._back.lost

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self._from_client), local_addr=self._address
        )
        self.port = self._front.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        for behind in self._behind.values():
            asyncio.get_running_loop().remove_reader(behind)
            behind.close()
        self._front.close()

    def _from_client(self, data: bytes, client: tuple[str, int]) -> None:
        self._later(self._there, lambda: self._to_server(data, client))

    def _to_server(self, data: bytes, client: tuple[str, int]) -> None:
        server = self._server()
        if server is None:
            return
        if (client, server) not in self._behind:
            behind = self._behind[client, server] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            behind.setblocking(False)
            behind.connect(server)
            asyncio.get_running_loop().add_reader(behind, self._from_server, behind, client)
        with contextlib.suppress(ConnectionRefusedError):  # the server is gone: lost on the way
            self._behind[client, server].send(data)

    def _from_server(self, behind: socket.socket, client: tuple[str, int]) -> None:
        with contextlib.suppress(ConnectionRefusedError, BlockingIOError):
            data = behind.recv(65536)
            self._later(self._back, lambda: self._front.sendto(data, client))

    def _later(self, path: Path, act) -> None:
        loop = asyncio.get_running_loop()
        for at in path.arrivals(loop.time()):
            timer = loop.call_at(at, act)
            self._timers.add(timer)
            if len(self._timers) > 1000:
                self._timers = {t for t in self._timers if t.when() > loop.time()}


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard) -> None:
        self._heard = heard

    def datagram_received(self, data, addr) -> None:
        self._heard(data, addr)
