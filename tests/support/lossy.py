"""Virtual devices whose OTA servers lie behind bad links, at the addresses that they report."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from host.ota.protocol import PORT
from host.twin.loopback import claim
from host.twin.statistics import State
from tests.support.link import Relay, Weather

__all__ = ["bad_weather"]


def bad_weather(chance: random.Random, worst_loss: float = 0.1) -> Weather:
    """A link as in the far corner of a house."""
    return Weather(
        delay=chance.uniform(0.001, 0.006),
        jitter=chance.uniform(0, 0.004),
        loss=chance.uniform(0, worst_loss),
        duplicate=chance.uniform(0, 0.05),
        reorder=chance.uniform(0, 0.05),
    )


@pytest.fixture
async def lossy(make_twin, updatable):
    """Makes devices: `await lossy(kind, hub, weather, seed, version="1.0.0", **make_twin's)`.

    The device reports an address where a relay listens; its own server is elsewhere. The relay is
    `twin.link`.
    """
    async with AsyncExitStack() as stack:

        async def make(kind, hub, weather, seed, *, version="1.0.0", world=None, **options):
            front, behind = claim(), claim()
            for address in (front, behind):
                stack.callback(address.release)
            world = {**(world or {}), "wifi": {"subnet": front.subnet, "host": front.host}}
            rom = updatable.options(version, idle_restart_ms=options.pop("idle_restart_ms", None))
            rom["bootloader"] = replace(rom["bootloader"], address=behind.text)
            rom["own_address"] = False
            twin = make_twin(kind, hub, world=world, **rom, **options)

            def server():
                there = twin.statistics.state is State.UPDATING and twin.rom.listening
                return (behind.text, twin.rom.listening) if there else None

            relay = Relay(server, weather, seed, address=(front.text, PORT))
            twin.link = await stack.enter_async_context(relay)
            return twin

        yield make
