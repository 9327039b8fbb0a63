"""What HomeKit wants of devices, as messages to them."""

from __future__ import annotations

from typing import Protocol

from contracts.reading import SeriesKey
from hub.mqtt.live_feed import LiveFeed
from hub.mqtt.source import Source

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
        self._feed.command(key, text)

    async def leave(self, key: SeriesKey, text: str | None) -> None:
        """Leave a command for a sleeping device at the broker, or take it back (None)."""
        topic, payload = self._translator.command(key, text or "0")
        await self._source.publish(topic, payload if text else "", retain=True)
