"""A hub that stands by is stopped like any other, though it has not started yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from hub.errors import HubError

__all__ = ["Standby", "StandbyEndedError"]

T = TypeVar("T")


class StandbyEndedError(HubError):
    """The hub was stopped while it stood by."""

    exit_status = 0


class Standby:
    """How a hub gives way to another: whether it waits for its turn, and how it learns it is over.

    `wanted`: wait while another hub works; without it, be refused. `stopped` is set when the hub
    is to end; `failure` says why where nobody asked for it.
    """

    def __init__(self, *, wanted: bool = False) -> None:
        self.wanted = wanted
        self.stopped = asyncio.Event()
        self.failure: HubError | None = None

    def lost(self, failure: HubError) -> None:
        """Another hub works now: end."""
        self.failure = failure
        self.stopped.set()

    async def until_stopped_or(self, work: Awaitable[T]) -> T:
        """What `work` gives. Raises StandbyEndedError, the work cancelled, when stopped before."""
        task = asyncio.ensure_future(work)
        stop = asyncio.create_task(self.stopped.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return await task
            raise StandbyEndedError
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
