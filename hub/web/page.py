"""A page of the dashboard: `ui.page` with a hub's patience and words."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from nicegui import ui

from hub.errors import HubError
from hub.language.words import ENGLISH, _, language

__all__ = ["PageSlowError", "page"]

# s: a Raspberry Pi that has just started, with everything cold, reads a home page in a few.
# NiceGUI's own 3 s answer a page that never tries again.
WITHIN_S = 30.0

Build: TypeAlias = Callable[..., Awaitable[None]]


class _Page(ui.page):
    def resolve_language(self) -> Any:
        """The language of whoever asks for the page; NiceGUI knows one for all."""
        return super().resolve_language() if language() == ENGLISH else language()


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
                    _(
                        "this page was not ready within {n} s: the hub is too busy",
                        n=f"{WITHIN_S:.0f}",
                    )
                ) from None

        return _Page(path, response_timeout=WITHIN_S + 5)(built)

    return decorate
