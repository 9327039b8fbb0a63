"""Turns at the database for long answers, so that nobody's export slows anybody else down."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from hub.api.problems import ProblemError
from hub.readings.points import Piece

__all__ = ["Exports"]

# Of the pool's eight connections; the others are for devices, HomeKit and pages.
_AT_ONCE = 3
_A_TENANT = 4


class Exports:
    """Long answers under way. Pieces of all of them take turns, one after the other."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one(self, tenant: str) -> Iterator[None]:
        """One answer. Raises ProblemError (429) where a tenant has four under way."""
        if self._under_way[tenant] >= _A_TENANT:
            raise ProblemError(
                429,
                f"{_A_TENANT} answers with readings are under way for {tenant} already: "
                "wait for one to end",
                Retry_After="2",
            )
        self._under_way[tenant] += 1
        try:
            yield
        finally:
            self._under_way[tenant] -= 1
            if not self._under_way[tenant]:
                del self._under_way[tenant]

    async def paced(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
        """The pieces, each fetched when it is its turn."""
        while True:
            async with self._turns:
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield piece
