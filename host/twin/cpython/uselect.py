"""MicroPython's poll: it gives back the streams, not their numbers."""

from __future__ import annotations

import select
from typing import Protocol

__all__ = ["POLLERR", "POLLHUP", "POLLIN", "POLLOUT", "poll"]

POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16


class _Stream(Protocol):
    def fileno(self) -> int: ...


class poll:  # noqa: N801  # MicroPython's name
    """Streams, and what they are waited for."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._streams: dict[int, _Stream] = {}

    def register(self, stream: _Stream, flags: int = POLLIN | POLLOUT) -> None:
        """Wait for that of a stream."""
        self._streams[stream.fileno()] = stream
        self._poll.register(stream, flags)

    modify = register

    def unregister(self, stream: _Stream) -> None:
        """Wait for a stream no more."""
        self._streams.pop(stream.fileno(), None)
        self._poll.unregister(stream)

    def poll(self, ms: int = -1) -> list[tuple[_Stream, int]]:
        """The streams of which something is true, after `ms` at most (-1: whenever)."""
        return [(self._streams[number], events) for number, events in self._poll.poll(ms)]
