"""A page of the dashboard: `ui.page` with a hub's patience and words."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from nicegui import ui

from hub.errors import HubError

__all__ = ["PageSlowError", "page"]

# s: a Raspberry Pi that has just started, with everything cold, reads a home page in a few.
# NiceGUI's own 3 s answer a page that never tries again.
WITHIN_S = 30.0

Build: TypeAlias = Callable[..., Awaitable[None]]


class PageSlowError(HubError):
    """A page was not ready in time: this machine has too much to do."""

    http_status = 504


def page(path: str) -> Callable[[Build], Build]:
    """Serve at `path` what the decorated function builds; it may wait for what it shows."""

    def decorate(build: Build) -> Build:
        @functools.wraps(build)
        async def built(*args: object, **kwargs: object) -> None:
            try:
                async with asyncio.timeout(WITHIN_S) as limit:
                    await build(*args, **kwargs)
            except TimeoutError:
                if not limit.expired():
                    raise
                raise PageSlowError(
                    f"this page was not ready within {WITHIN_S:.0f} s: the hub is too busy"
                ) from None

        return ui.page(path, response_timeout=WITHIN_S + 5)(built)

    return decorate
