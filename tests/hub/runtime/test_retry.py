"""Trying again: which errors, how long between, and what passes through."""

from __future__ import annotations

import pytest
from tenacity import AsyncRetrying

from hub.runtime.retry import retrying


class Work:
    """Fails as often as it is told, each time as it is told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, argument: str) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return argument


def quick(retry: AsyncRetrying, pauses: list[float]) -> AsyncRetrying:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    return retry.copy(sleep=sleep)


async def test_it_is_tried_until_it_works_with_growing_pauses():
    pauses: list[float] = []
    told: list[BaseException] = []
    errors = [OSError(n) for n in range(6)]
    work = Work(*errors)
    retry = quick(retrying([OSError], first=0.1, longest=1.0, waiting=told.append), pauses)
    assert await retry(work, "done") == "done"
    assert work.calls == 7
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert told == errors


async def test_another_error_passes_through_at_once():
    work = Work(OSError(), KeyError("mine"))
    with pytest.raises(KeyError, match="mine"):
        await quick(retrying([OSError], first=0.1, longest=1.0), [])(work, "done")
    assert work.calls == 2
