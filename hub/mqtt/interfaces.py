"""What the listener needs of the parts that messages go on to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from contracts import messages
from contracts.homekit.definitions import Characteristic
from contracts.reading import Reading, SeriesKey, SourceScale

__all__ = ["BridgeLike", "IngestLike", "RemembersSeries", "TranslatorLike", "when_both"]


class BridgeLike(Protocol):
    """What the listener needs of the HomeKit bridge."""

    def update(self, reading: Reading, *, live: bool) -> None:
        """Show a value; `live` is False for what is replayed or late."""

    def remove(self, what: Any, /) -> object:
        """Take an accessory out of HomeKit."""

    def remove_service(self, device: str, service: str, index: int) -> None:
        """Take one of a device's services out of HomeKit."""

    def report(
        self, device: str, report: messages.Report, *, live: bool, waited: float = 0
    ) -> None:
        """Battery, firmware and the like of a device, made so many seconds ago."""


@runtime_checkable
class RemembersSeries(Protocol):
    """A bridge that can tell what it was fed."""

    def knows(self, series: SeriesKey, /) -> bool:
        """Whether a value of the series is shown or kept."""


class IngestLike(Protocol):
    """What the listener needs of the store's intake."""

    def put(self, readings: Sequence[Reading], done: Callable[[], None]) -> None:
        """Keep readings; `done` is called on the loop once they are committed."""


class TranslatorLike(Protocol):
    """What the listener needs of the mapping of devices that speak otherwise."""

    def knows(self, topic: str, /) -> bool:
        """Whether a rule is for values at this topic."""

    def translate(
        self, topic: str, payload: bytes, /
    ) -> Sequence[messages.Message | messages.Problem]:
        """What a message outside HomeKit/ says."""

    def convert(self, series: SeriesKey, raw: str | bool | float, /) -> str | bool | float:
        """A value on a HomeKit/ topic in HomeKit's terms. Raises HubError."""

    def source(self, series: SeriesKey, raw: str | bool | float, /) -> SourceScale:
        """How such a value's number is read. Raises HubError."""

    def kind(self, series: SeriesKey, /) -> Characteristic:
        """The characteristic with the limits of this series."""


def when_both(done: Callable[[], None]) -> Callable[[], None]:
    """What calls `done` when it was called twice."""
    waiting = 2

    def once() -> None:
        nonlocal waiting
        waiting -= 1
        if not waiting:
            done()

    return once
