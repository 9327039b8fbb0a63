"""Doing the same again until it works, while what is wrong will pass by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

__all__ = ["retrying"]


def retrying(
    errors: Sequence[type[BaseException]],
    *,
    first: float,
    longest: float,
    waiting: Callable[[BaseException], None] | None = None,
) -> AsyncRetrying:
    """Calls a coroutine function for as long as it raises one of `errors`; others pass through.

    `await retrying(...)(work, argument)` returns what `work` returns. The pauses are `first`
    seconds, then twice as long each time, at most `longest`; `waiting` is told before each.
    """

    def before_sleep(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if waiting is not None and error is not None:
            waiting(error)

    return AsyncRetrying(
        retry=retry_if_exception_type(tuple(errors)),
        wait=wait_exponential(multiplier=first, max=longest),
        before_sleep=before_sleep,
        reraise=True,
    )
