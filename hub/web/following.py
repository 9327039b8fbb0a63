"""What is told while a page is open, from before it is read on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from nicegui import background_tasks, context

from hub.live import Subscription

__all__ = ["Follow", "following"]

Follow: TypeAlias = Callable[[Callable[[Subscription], Awaitable[None]]], None]
"""Starts a page's own loop over its updates; it ends with the page."""


@asynccontextmanager
async def following(updates: Subscription, page: str) -> AsyncIterator[Follow]:
    """Read and build a page within it, then call what it gives.

    Subscribed to before the first look at the database, so that nothing falls between the two.
    """
    begun = False

    def follow(run: Callable[[Subscription], Awaitable[None]]) -> None:
        nonlocal begun
        begun = True

        async def until_closed() -> None:
            try:
                await run(updates)
            finally:
                await updates.__aexit__()

        task = background_tasks.create(until_closed(), name=page)
        context.client.on_delete(task.cancel)

    await updates.__aenter__()
    try:
        yield follow
    finally:
        if not begun:
            await updates.__aexit__()
