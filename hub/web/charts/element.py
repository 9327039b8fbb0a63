"""A chart on a page: ECharts as NiceGUI brings it, fed with options from charts.options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element

__all__ = ["Chart"]


# Imported for its effect: it brings the ECharts library that chart.js imports.
_LIBRARY = ui.echart


class Chart(Element, component="chart.js"):
    """`label` says in words what is drawn, for who cannot see it.

    `on_span` is called with (since, until) in ms since the epoch when somebody chose a part of
    the time by dragging across the chart, `on_width` with the plot's width in px when it is known
    or is another one, `on_key` with a key of the page
    that is about the chart (`[`, `]`, `1` to `5`).
    """

    def __init__(
        self,
        options: dict[str, Any],
        label: str,
        on_span: Callable[[int, int], Any] | None = None,
        on_width: Callable[[int], Any] | None = None,
        on_key: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__()
        self._props["options"] = options
        self._props["label"] = label
        self.classes("dm-chart w-full")
        if on_span is not None:
            self.on("span", lambda event: on_span(*_span(event.args)))
        if on_width is not None:
            self.on("width", lambda event: on_width(_width(event.args)))
        if on_key is not None:
            self._props["keyed"] = True
            self.on("key", lambda event: on_key(str(event.args)[:1]))

    def draw(self, options: dict[str, Any], label: str) -> None:
        """Draw something else."""
        self._props["options"] = options
        self._props["label"] = label
        self.update()


def _span(event: Any) -> tuple[int, int]:
    """What the browser sent; anything may come from there."""
    try:
        since, until = int(event["since"]), int(event["until"])
    except (TypeError, KeyError, ValueError, OverflowError):
        return 0, 0
    return since, until


def _width(event: Any) -> int:
    """A plot's width that a screen may have, whatever the browser sent."""
    return max(100, min(5000, event)) if isinstance(event, int) else 900
