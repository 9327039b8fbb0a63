"""Telling whoever looks on that something changed, without saying what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Bell"]


class Bell:
    """Rings for those who listen; several rings that nobody waited for meanwhile are one.

    with bell.heard() as rung:
        while True:
            show(...)
            await rung.wait()
            rung.clear()
    """

    def __init__(self) -> None:
        self._listening: set[asyncio.Event] = set()

    @contextmanager
    def heard(self) -> Iterator[asyncio.Event]:
        """An event that is set at each ring, for as long as the block lasts."""
        event = asyncio.Event()
        self._listening.add(event)
        try:
            yield event
        finally:
            self._listening.discard(event)

    def ring(self) -> None:
        """Tell them."""
        for event in self._listening:
            event.set()
