"""Many who ask the same kind of question at the same time are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

__all__ = ["Gathered"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Gathered(Generic[K, V]):
    """Asks `ask` for at most `most` keys at a time, one time after the other.

    The first question is asked at once, those that come meanwhile together afterwards: who asks
    alone does not wait, and a flood of questions becomes few. `ask` answers every key that it was
    given; what it raises everybody gets who waits for that answer.
    """

    def __init__(
        self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], most: int = 500
    ) -> None:
        self._ask, self._most = ask, most
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def of(self, key: K) -> V:
        """The answer for one key. Raises what `ask` raises."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer_all(), name="gathered questions")
        # One who gives up leaves the answer to the others.
        return await asyncio.shield(future)

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._most]
                futures = {key: self._waiting.pop(key) for key in keys}
                await self._answer(futures)
        finally:
            self._asking = None

    async def _answer(self, futures: Mapping[K, asyncio.Future[V]]) -> None:
        try:
            answers = await self._ask(list(futures))
            for key, future in futures.items():
                future.set_result(answers[key])
        except BaseException as error:
            for future in futures.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # nobody may be left who waits for it
            if not isinstance(error, Exception):
                raise
