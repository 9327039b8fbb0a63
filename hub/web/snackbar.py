"""What was just done, in a line at the bottom of the page, with the way back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from hub.errors import HubError
from hub.language.words import _

__all__ = ["Snackbar"]


class Snackbar:
    """One a page: what is told last is shown, for a few seconds."""

    # s: as long as it takes to read it, think better of it and get there by keyboard.
    HELD_S = 30.0

    def __init__(self) -> None:
        self._undo: Callable[[], Awaitable[None]] | None = None
        with ui.element("div").classes("dm-snack").props('role="status"') as self._box:
            self._text = ui.label()
            self._button = ui.button(_("Undo"), on_click=self._back).props("flat no-caps dense")
        self._timer: ui.timer | None = None
        self._box.visible = False

    def tell(self, text: str) -> None:
        """Say it."""
        self._show(text, None)

    def offer(self, text: str, undo: Callable[[], Awaitable[None]]) -> None:
        """Say what was done; a button takes it back."""
        self._show(text, undo)

    def _show(self, text: str, undo: Callable[[], Awaitable[None]] | None) -> None:
        self._undo = undo
        self._text.text = text
        self._button.visible = undo is not None
        self._box.visible = True
        if self._timer is not None:
            self._timer.cancel()
        with self._box:
            self._timer = ui.timer(self.HELD_S, self._close, once=True)

    def _close(self) -> None:
        self._undo = None
        self._box.visible = False

    async def _back(self) -> None:
        undo, self._undo = self._undo, None
        self._close()
        if undo is None:
            return
        try:
            await undo()
        except HubError as error:
            self.tell(_("That could not be taken back: {error}.", error=str(error).rstrip(".")))
