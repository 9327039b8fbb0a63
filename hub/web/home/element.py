"""The home page's one element: places and devices drawn by the browser from JSON."""

from __future__ import annotations

from typing import Any

from nicegui.element import Element

__all__ = ["Home"]


# One element for the page, not one for each value: a hundred devices would be a thousand elements
# in the hub's memory for every open page, and as many messages.
class Home(Element, component="home.js"):
    """`view` is what home.view makes."""

    def __init__(self, view: dict[str, Any]) -> None:
        super().__init__()
        self._props["view"] = view

    def show(self, view: dict[str, Any]) -> None:
        """Show all of it anew."""
        self._props["view"] = view
        self.update()

    def patch(self, changes: dict[str, Any]) -> None:
        """Show what changed: `{"now", "devices": [{"id", ...}]}`, devices with what is new."""
        self.run_method("patch", changes)
