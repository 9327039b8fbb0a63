"""What controllers wrote and devices have not confirmed yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from contracts.reading import SeriesKey, Value

__all__ = ["Pending", "as_text"]


def as_text(value: Value) -> str:
    """A value as devices read it: booleans are 1 and 0."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


@dataclass(slots=True)
class _Waiting:
    value: Value
    timer: asyncio.TimerHandle


class Pending:
    """Optimistic values: shown from the write until the device confirms or its time is over.

    `put_back` is called when it is over, with the series whose real value must be shown again.
    """

    def __init__(self, put_back: Callable[[SeriesKey], None]) -> None:
        self._put_back = put_back
        self._waiting: dict[SeriesKey, _Waiting] = {}

    def get(self, key: SeriesKey) -> Value | None:
        """The value that is shown in place of the real one."""
        waiting = self._waiting.get(key)
        return None if waiting is None else waiting.value

    def of(self, device: str) -> list[tuple[SeriesKey, Value]]:
        """What a device has not confirmed."""
        return [(key, one.value) for key, one in self._waiting.items() if key.device == device]

    def __contains__(self, key: SeriesKey) -> bool:
        return key in self._waiting

    def expect(self, key: SeriesKey, value: Value, seconds: float) -> None:
        """Show a value for so long; a later write to the same series takes its place."""
        self.settle(key)
        timer = asyncio.get_running_loop().call_later(seconds, self.give_up, key)
        self._waiting[key] = _Waiting(value, timer)

    def settle(self, key: SeriesKey) -> None:
        """The device confirmed, or nothing is waited for any more."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.timer.cancel()

    def give_up(self, key: SeriesKey) -> None:
        """Show the real value again."""
        if key in self._waiting:
            self.settle(key)
            self._put_back(key)

    def clear(self, device: str | None = None) -> None:
        """Wait for nothing any more, of one device or of all."""
        for key in list(self._waiting):
            if device in (None, key.device):
                self.settle(key)
