"""The table of devices: one element, drawn by the browser from JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

__all__ = ["DeviceTable"]


class DeviceTable(Element, component="devices.js"):
    """`view` is what view.devices_view makes; `place` the place that is looked at first.

    `may`: whether devices can be chosen and something be done with them.
    """

    def __init__(self, view: dict[str, Any], place: int | None, *, may: bool) -> None:
        super().__init__()
        self._props["view"] = view
        self._props["place"] = place
        self._props["may"] = may

    def show(self, view: dict[str, Any]) -> None:
        """Show it anew; what was chosen, filtered and sorted stays so."""
        self._props["view"] = view
        self.update()

    def draw(self, sparks: Mapping[str, list[float | None]]) -> None:
        """Draw the last day by device, in half-hourly means."""
        self.run_method("draw", sparks)

    def clear_choice(self) -> None:
        """What was chosen is done with."""
        self.run_method("clear")

    def on_bulk(self, act: Callable[[str, list[str], int], Awaitable[None]]) -> None:
        """What to do with chosen devices: `move`, `interval`, `update`, `mute`, `put`.

        `put` is told with the number of the place that they were dropped on, 0 for none.
        """

        async def handle(event: GenericEventArguments) -> None:
            match event.args:
                case [str(what), list(devices), int(place)]:
                    await act(what, [str(one) for one in devices], place)

        self.on("bulk", handle)
