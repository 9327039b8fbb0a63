"""Turns at the database for long answers, so that nobody's export slows anybody else down."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from hub.api.problems import ProblemError
from hub.readings.points import Piece
from hub.runtime.turns import Turns

__all__ = ["Exports"]

# Of the pool's eight connections; the others are for devices, HomeKit and pages.
_AT_ONCE = 3
# Of these, so that one tenant's slow pieces leave a turn to the others.
_SHARE = 2
_A_TENANT = 4


class Exports:
    """Long answers under way. Their pieces take turns, one tenant after the other."""

    def __init__(self) -> None:
        self._turns = Turns(_AT_ONCE, _SHARE)
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

    async def paced(
        self, tenant: str, pieces: AsyncIterator[tuple[int, Piece]]
    ) -> AsyncIterator[tuple[int, Piece]]:
        """The pieces, each fetched when it is its turn."""
        while True:
            async with self._turns.of(tenant):
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield piece
