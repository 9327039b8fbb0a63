"""What HomeKit wants of devices, as messages to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from contracts.reading import SeriesKey
from hub.mqtt.delivery import Source
from hub.mqtt.errors import AccountError
from hub.mqtt.live_feed import LiveFeed
from hub.runtime.log_events import EVENTS

__all__ = ["DeviceCommands"]


class CommandTranslator(Protocol):
    """What is needed of hub.mapping.translator.Translator."""

    def command(self, key: SeriesKey, text: str, /) -> tuple[str, str]:
        """The topic and the payload that set a value."""


class DeviceCommands:
    """Sends values to a tenant's devices, each in the way that its mapping says.

    A device that is another tenant's by now (`is_others`) is told nothing.
    """

    def __init__(
        self,
        source: Source,
        translator: CommandTranslator,
        feed: LiveFeed,
        is_others: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._source, self._translator, self._feed = source, translator, feed
        self._is_others = is_others

    async def send(self, key: SeriesKey, text: str) -> None:
        """Tell a device that is awake. Raises NotConnectedError, MappingError, AccountError."""
        if self._is_others(key.device):
            raise AccountError(f"there is no account {key.device} any more")
        await self._source.publish(*self._translator.command(key, text))
        EVENTS.command_sent.log(**self._told(key))
        self._feed.command(key, text)

    async def leave(self, key: SeriesKey, text: str | None) -> None:
        """Leave a command for a sleeping device at the broker, or take it back (None).

        Raises as `send`.
        """
        if self._is_others(key.device):
            raise AccountError(f"there is no account {key.device} any more")
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
