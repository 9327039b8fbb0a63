"""Turns at something scarce, one tenant after the other."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Turns"]


class Turns:
    """`at_once` turns, of which one tenant has at most `share` at a time.

    Who waits is served by tenants in a circle, and within a tenant in the order of asking: how
    many of one tenant wait makes no difference to another's.
    """

    def __init__(self, at_once: int, share: int) -> None:
        self._free, self._share = at_once, share
        self._held: Counter[str] = Counter()
        # In the order in which the tenants' turns come.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def of(self, tenant: str) -> AsyncIterator[None]:
        """One turn, waited for."""
        await self._take(tenant)
        try:
            yield
        finally:
            self._give_back(tenant)

    async def _take(self, tenant: str) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(granted)
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if not granted.cancelled():  # it came in the same moment
                self._give_back(tenant)
            raise

    def _give_back(self, tenant: str) -> None:
        self._free += 1
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
        self._grant()

    def _grant(self) -> None:
        """Give what is free to those whose turn it is."""
        for tenant in list(self._waiting):
            queue = self._waiting[tenant]
            while queue and queue[0].done():  # gave up
                queue.popleft()
            if self._free and queue and self._held[tenant] < self._share:
                self._free -= 1
                self._held[tenant] += 1
                queue.popleft().set_result(None)
                self._waiting[tenant] = self._waiting.pop(tenant)  # to the end of the circle
            if not queue:
                del self._waiting[tenant]
