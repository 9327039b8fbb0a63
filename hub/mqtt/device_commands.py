"""What HomeKit wants of devices, as messages to them."""

from __future__ import annotations

from typing import Protocol

from contracts.reading import SeriesKey
from hub.mqtt.delivery import Source
from hub.mqtt.live_feed import LiveFeed
from hub.runtime.log_events import EVENTS

__all__ = ["DeviceCommands"]


class CommandTranslator(Protocol):
    """What is needed of hub.mapping.translator.Translator."""

    def command(self, key: SeriesKey, text: str, /) -> tuple[str, str]:
        """The topic and the payload that set a value."""


class DeviceCommands:
    """Sends values to devices, each in the way that its mapping says."""

    def __init__(self, source: Source, translator: CommandTranslator, feed: LiveFeed) -> None:
        self._source, self._translator, self._feed = source, translator, feed

    async def send(self, key: SeriesKey, text: str) -> None:
        """Tell a device that is awake. Raises NotConnectedError, MappingError."""
        await self._source.publish(*self._translator.command(key, text))
        EVENTS.command_sent.log(**self._told(key))
        self._feed.command(key, text)

    async def leave(self, key: SeriesKey, text: str | None) -> None:
        """Leave a command for a sleeping device at the broker, or take it back (None)."""
        topic, payload = self._translator.command(key, text or "0")
        await self._source.publish(topic, payload if text else "", retain=True)
        if text:
            EVENTS.command_left.log(**self._told(key))

    def _told(self, key: SeriesKey) -> dict[str, str]:
        """What may be logged of a command; its value is the household's own."""
        return {
            "device": key.device,
            "tenant": self._feed.tenant_of(key.device),
            "characteristic": f"{key.service}/{key.index}/{key.characteristic}",
        }
