"""One tenant's devices, said again for Home Assistant as its Apple home is shown them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from contracts import topics
from contracts.homekit.definitions import INFORMATION
from contracts.reading import SeriesKey, Value
from hub.homeassistant.actuators import BUTTONS
from hub.homeassistant.combined import combined
from hub.homeassistant.discovery import DescribedDevice, configurations
from hub.homeassistant.told_topics import ToldTopics
from hub.homeassistant.view import ValueLimits
from hub.homekit.accessory import PRESS, ShownCharacteristic
from hub.homekit.bridge import Bridge
from hub.homekit.pending_writes import as_text
from hub.mqtt.service import OFFLINE

__all__ = ["ONLINE", "Mirror"]

ONLINE = "online"
"""Home Assistant's word for it."""


class Publish(Protocol):
    """hub.mqtt.source.MqttSource.publish."""

    async def __call__(
        self, topic: str, payload: str, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Send. Raises NotConnectedError."""


class Mirror:
    """What is said of a tenant's devices: configurations, values, presence.

    `told` knows what has been said. An empty `prefix` takes all of it back.
    """

    def __init__(
        self,
        tenant: str,
        prefix: str,
        version: str,
        *,
        publish: Publish,
        bridge: Callable[[], Bridge],
        told: ToldTopics,
    ) -> None:
        self._tenant, self._prefix, self._version = tenant, prefix, version
        self._publish, self._bridge, self._told = publish, bridge, told

    async def tell_devices(self) -> None:
        """Say what is new among the devices; take back what is not there any more."""
        shown = self._bridge().tree.by_device() if self._prefix else {}
        for device in self._told.devices():
            if device not in shown:
                await self._take_back(device, list(self._told.of(device)))
        names = self._bridge().names()
        for device, characteristics in shown.items():
            facts = _facts(device, names.get(device, device), characteristics)
            await self._tell_device(facts)

    async def tell_value(self, key: SeriesKey, value: Value) -> None:
        """Say a value, and what is made of it and others."""
        display = self._bridge().display
        states = dict.fromkeys(self._states(key), "")
        if not states or not states.keys() <= self._told.of(key.device).keys():
            return  # not shown any more, or not yet: then it is told with its device

        def ask(other: str) -> Value:
            return display.current(SeriesKey(key.device, key.service, key.index, other))

        await self._say(key.device, topics.mirror(self._tenant, key), as_text(value))
        for name, make in combined(key).items():
            await self._say(key.device, topics.mirror(self._tenant, key, name), make(ask))

    async def tell_press(self, key: SeriesKey, value: Value) -> None:
        """Say that a button was pressed; nobody is to hear of it later."""
        if self._prefix:
            event = BUTTONS[key.service][int(value)]
            payload = json.dumps({"event_type": event})
            await self._publish(topics.mirror(self._tenant, key), payload, qos=0)

    async def tell_presence(self) -> None:
        """Say which devices are there, where that is news."""
        for device in self._told.devices() if self._prefix else ():
            word = ONLINE if self._bridge().available(device) else OFFLINE
            topic = topics.mirror_online(self._tenant, device)
            if self._told.of(device).get(topic) != word:
                await self._say(device, topic, word)

    async def _tell_device(self, facts: DescribedDevice) -> None:
        device, display = facts.device, self._bridge().display
        messages = configurations(facts, self._tenant, self._prefix, self._version)
        states = {topic: key for key in facts.series for topic in self._states(key)}
        online = topics.mirror_online(self._tenant, device)
        obsolete = self._told.of(device).keys() - messages.keys() - states.keys() - {online}
        await self._take_back(device, list(obsolete))
        await self._told.expect(device, [*messages, *states, online])
        before = self._told.of(device)
        new = [key for topic, key in states.items() if not before[topic]]
        for topic, payload in messages.items():
            if before[topic] != payload:
                await self._publish(topic, payload, retain=True)
                self._told.said(device, topic, payload)
        # After its configuration: an entity that is made afterwards is given what is retained.
        for key in dict.fromkeys(new):
            await self.tell_value(key, display.current(key))

    async def _take_back(self, device: str, obsolete: list[str]) -> None:
        for topic in obsolete:
            await self._publish(topic, "", retain=True)
        await self._told.taken_back(device, obsolete)

    async def _say(self, device: str, topic: str, payload: str) -> None:
        await self._publish(topic, payload, qos=0, retain=True)
        self._told.said(device, topic, payload)

    def _states(self, key: SeriesKey) -> Iterator[str]:
        """Where a series is said, itself and what it is a part of."""
        if key.characteristic != PRESS and key.service != INFORMATION:
            yield topics.mirror(self._tenant, key)
            for name in combined(key):
                yield topics.mirror(self._tenant, key, name)


def _facts(
    device: str, name: str, characteristics: Mapping[SeriesKey, ShownCharacteristic]
) -> DescribedDevice:
    def information(what: str) -> str:
        found = characteristics.get(SeriesKey(device, INFORMATION, 0, what))
        return "" if found is None else str(found.value)

    return DescribedDevice(
        device=device,
        name=name,
        series={key: ValueLimits.of(one.properties) for key, one in characteristics.items()},
        manufacturer=information("Manufacturer"),
        model=information("Model"),
        firmware=information("FirmwareRevision"),
        titles={
            (key.service, key.index): str(one.value)
            for key, one in characteristics.items()
            if key.characteristic == "ConfiguredName"
        },
    )
