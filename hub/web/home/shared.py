"""What is asked for by many open pages, found once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Shared"]

T = TypeVar("T")


class Shared(Generic[T]):
    """Answers by key that are good for some seconds; who asks meanwhile waits for the one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answers: dict[Hashable, tuple[float, T]] = {}
        self._locks: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, find: Callable[[], Awaitable[T]]) -> T:
        """The answer; found anew when it is too old. What `find` raises is raised, not kept."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            known = self._answers.get(key)
            if known is not None and time.monotonic() - known[0] < self._seconds:
                return known[1]
            answer = await find()
            self._answers[key] = time.monotonic(), answer
            return answer
