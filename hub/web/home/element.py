"""The home page's one element: places and devices drawn by the browser from JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from hub.api.principal import Principal

__all__ = ["Home"]


# One element for the page, not one for each value: a hundred devices would be a thousand elements
# in the hub's memory for every open page, and as many messages.
class Home(Element, component="home.js", dependencies=["tile.js"]):
    """`view` is what home.view makes; what `principal` folded and chose is kept for them."""

    def __init__(self, view: dict[str, Any], principal: Principal) -> None:
        super().__init__()
        self._props["view"] = view
        self._props["person"] = f"{principal.tenant}/{principal.name}"
        self._props["may"] = principal.administers

    def show(self, view: dict[str, Any]) -> None:
        """Show all of it anew."""
        self._props["view"] = view
        self.update()

    def patch(self, changes: dict[str, Any]) -> None:
        """Show what changed: `{"now", "devices": [{"id", ...}]}`, devices with what is new."""
        self.run_method("patch", changes)

    def draw(
        self,
        kind: str,
        sparks: Mapping[str, list[float | None]],
        usual: Mapping[str, list[tuple[float, float] | None]],
    ) -> None:
        """Draw the last day of what is called `kind`, by device.

        `sparks`: half-hourly means; `usual`: lowest and highest that is usual, by the hour.
        """
        self.run_method("draw", kind, sparks, usual)

    def on_kind(self, chosen: Callable[[str], Awaitable[None]]) -> None:
        """What to do when a person wants to see another value."""

        async def handle(event: GenericEventArguments) -> None:
            await chosen(str(event.args)[:100])

        self.on("kind", handle)

    def on_mute(self, mute: Callable[[str, int], Awaitable[None]]) -> None:
        """What to do when a person wants to be told of something no more.

        Called with the oddity's name and days: 0 for good, -1 to be told again.
        """

        async def handle(event: GenericEventArguments) -> None:
            name, days = event.args if isinstance(event.args, list) else ("", 0)
            await mute(str(name)[:1000], int(days))

        self.on("mute", handle)
