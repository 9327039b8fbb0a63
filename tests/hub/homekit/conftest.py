"""A bridge set on loopback, fed by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.homekit.values import parse
from contracts.messages import Online
from contracts.reading import Reading, SeriesKey
from hub.homekit.bridge import Bridge
from hub.homekit.check import check
from hub.homekit.styles import SeriesStyles
from hub.mapping.rules import Mapping
from hub.mapping.translator import Translator
from hub.mqtt.delivery import Delivery
from hub.mqtt.listener import Listener
from hub.runtime.problems import Problems
from tests.support.controller import MemoryState, Phone, Quiet


class _Nobody:
    """A source nobody connects; messages are handed to the listener directly."""

    def acknowledge(self, delivery: Delivery) -> None:
        pass


class Home:
    """A bridge set with its state, what it sent to devices, and its phones."""

    def __init__(self, rules: Mapping | None = None, **options: Any) -> None:
        self.translator = Translator(rules or Mapping())
        self.state = MemoryState()
        self.quiet = Quiet()
        self.sent: asyncio.Queue[tuple[SeriesKey, str]] = asyncio.Queue()
        self.options = {"settle": 0.01, "port": 0} | options
        self.phones: list[Phone] = []
        self.bridge = self._new()
        self.problems = Problems()
        self.stored: list[Reading] = []

    @property
    def listener(self) -> Listener:
        listener = Listener(_Nobody(), self.bridge, self, self.problems, translator=self.translator)
        listener.on(Online, self._online)
        return listener

    def _online(self, message: Online, delivery: Delivery) -> None:
        self.bridge.online(message.device, message.online, live=not delivery.retained)

    def put(self, readings: Sequence[Reading], done: Callable[[], None]) -> None:
        """As the store's intake: everything is kept at once."""
        self.stored += readings
        done()

    def _new(self) -> Bridge:
        styles = SeriesStyles(
            self.translator.kind, self.translator.thresholds, self.translator.silent_after
        )
        options = {"zeroconf": self.quiet, "styles": styles} | self.options
        return Bridge(self.state, self._command, host="127.0.0.1", **options)

    async def _command(self, key: SeriesKey, text: str) -> None:
        self.sent.put_nowait((key, text))

    def say(self, topic: str, value: Any, *, live: bool = True, **reading: Any) -> SeriesKey:
        """A device says something: "lamp/Switch/On" or "lamp/Switch/1/On"."""
        device, service, *index, characteristic = topic.split("/")
        key = SeriesKey(device, service, int(index[0]) if index else 0, characteristic)
        parsed = parse(service, characteristic, value)
        self.bridge.update(Reading(key, parsed, datetime.now(UTC), **reading), live=live)
        return key

    def hear(self, topic: str, payload: str | bytes, **how: Any) -> None:
        """A message comes from the broker: all the way through topics, values and listener."""
        payload = payload.encode() if isinstance(payload, str) else payload
        self.listener.deliver(Delivery(topic, payload, datetime.now(UTC), **how))

    async def phone(self, number: int = 0) -> Phone:
        info = self.bridge.pairings()[number]
        phone = await Phone.pair("127.0.0.1", info.port, info.pin)
        self.phones.append(phone)
        return phone

    async def restart(self) -> None:
        """Stop and start from what was kept; phones connect anew."""
        await self.bridge.stop()
        self.bridge = self._new()
        await self.bridge.start()
        ports = {p.number: p.port for p in self.bridge.pairings()}
        self.phones = [await phone.again(ports[0]) for phone in self.phones]

    def check(self) -> None:
        """The whole database passes the checklist."""
        for driver in self.bridge.tree.drivers.values():
            assert check(driver.get_accessories()["accessories"]) == []

    async def settled(self) -> None:
        """Return once nothing is new that is not shown."""
        async with asyncio.timeout(60):
            while self.bridge.growth.busy:  # a condition has no event
                await asyncio.sleep(0.005)

    async def shown(self, right: Callable[[Bridge], bool]) -> None:
        """Return once the tree is as wanted."""
        async with asyncio.timeout(60):
            while not right(self.bridge):  # a condition has no event
                await asyncio.sleep(0.005)


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    home = Home()
    await home.bridge.start()
    yield home
    for phone in home.phones:
        await phone.close()
    await home.bridge.stop()


@pytest.fixture
async def make():
    """A home with options."""
    homes: list[Home] = []

    async def start(**options):
        home = Home(**options)
        homes.append(home)
        await home.bridge.start()
        return home

    yield start
    for home in homes:
        for phone in home.phones:
            await phone.close()
        await home.bridge.stop()
