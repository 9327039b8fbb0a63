"""A part of a page that shows what was loaded for it, and loads it anew when it changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from nicegui import ui

__all__ = ["Reloaded"]

T = TypeVar("T")


class Reloaded(Generic[T]):
    """Made where the part is to be; `load` may wait, `show` makes the elements.

    Of loads that overlap only the last one asked for is shown. `only_changed`: what is as it was
    is not made anew, so that the focus and a finger stay where they are.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[T]],
        show: Callable[[T], None],
        *,
        only_changed: bool = False,
    ) -> None:
        self._load = load
        self._show = show
        self._only_changed = only_changed
        self._shown: T | None = None
        self._load_number = 0
        self._box = ui.element("div").classes("w-full")

    async def refresh(self, *, anew: bool = False) -> None:
        """Load and show; `anew`: what did not change, too."""
        self._load_number += 1
        number = self._load_number
        loaded = await self._load()
        if number != self._load_number:
            return
        if self._only_changed and not anew and loaded == self._shown:
            return
        self._shown = loaded
        self._box.clear()
        with self._box:
            self._show(loaded)
