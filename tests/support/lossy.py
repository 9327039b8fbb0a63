"""Virtual devices whose OTA servers lie behind bad links, at the addresses that they report."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self

import pytest

from contracts.ota.protocol import PORT
from host.twin.loopback import claim
from host.twin.rom import Bootloader
from host.twin.statistics import TwinState
from host.twin.twin import Twin
from tests.support.link import Relay, Weather

__all__ = ["Link", "bad_weather"]


def bad_weather(chance: random.Random, worst_loss: float = 0.1) -> Weather:
    """A link as in the far corner of a house."""
    return Weather(
        delay=chance.uniform(0.001, 0.004),
        jitter=chance.uniform(0, 0.002),
        loss=chance.uniform(0, worst_loss),
        duplicate=chance.uniform(0, 0.03),
        reorder=chance.uniform(0, 0.02),
    )


class Link:
    """What lies between a hub and one device's OTA server; an async context manager.

    A relay listens on port 8266 of an address of its own, which the device is to report (`wifi`,
    for its world); the server itself listens behind it (`bootloader` says where). `twin` is set
    once there is one. `up` False: nothing gets through.
    """

    def __init__(self, weather: Weather, seed: object) -> None:
        self.twin: Twin | None = None
        self.up = True
        self._front, self._behind = claim(), claim()
        self._relay = Relay(self._server, weather, seed, address=(self._front.text, PORT))

    @property
    def wifi(self) -> dict[str, object]:
        return {"subnet": self._front.subnet, "host": self._front.host}

    @property
    def carried(self) -> int:
        """Datagrams that were sent to the device so far."""
        return self._relay.carried

    @property
    def losses(self) -> tuple[int, int]:
        return self._relay.losses

    def bootloader(self, there: Bootloader) -> Bootloader:
        return replace(there, address=self._behind.text)

    async def __aenter__(self) -> Self:
        await self._relay.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._relay.__aexit__(*error)
        self._front.release()
        self._behind.release()

    def _server(self) -> tuple[str, int] | None:
        twin = self.twin
        if twin is None or not self.up or twin.statistics.state is not TwinState.UPDATING:
            return None
        return self._behind.text, twin.rom.listening


@pytest.fixture
async def lossy(make_twin, updatable):
    """Makes devices: `await lossy(kind, hub, weather, seed, version="1.0.0", **make_twin's)`.

    The way to its OTA server is `twin.link`. `idle_restart_ms` is the server's.
    """
    async with AsyncExitStack() as stack:

        async def make(kind, hub, weather, seed, *, version="1.0.0", world=None, **options) -> Twin:
            link = await stack.enter_async_context(Link(weather, seed))
            rom = updatable.options(version, idle_restart_ms=options.pop("idle_restart_ms", None))
            rom |= {"bootloader": link.bootloader(rom["bootloader"]), "own_address": False}
            twin = make_twin(
                kind, hub, world={"wifi": link.wifi, **(world or {})}, **rom, **options
            )
            twin.link = link
            link.twin = twin
            return twin

        yield make
