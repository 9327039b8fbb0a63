"""Pages of cards: a surface with its heading, what stands where there is nothing, what failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from hub.errors import HubError
from hub.language.words import _
from hub.web.frame import heading

__all__ = [
    "SETTINGS_STYLE", "attempted", "card", "columns", "day_strip", "empty", "failed", "mark",
    "small_button", "strip", "what",
]  # fmt: skip

T = TypeVar("T")

SETTINGS_STYLE = '<link rel="stylesheet" href="/static/settings.css">'


@contextmanager
def columns(kind: str = "two") -> Iterator[None]:
    """Side by side from 1024 px on: `two` of the same width, or a `wide` one first."""
    ui.add_head_html(SETTINGS_STYLE)
    with ui.element("div").classes(f"dm-columns {kind}"):
        yield


@contextmanager
def card(title: str, note: str = "") -> Iterator[ui.element]:
    """A surface with a heading; gives the row of its heading, for a button at its end."""
    panel = ui.element("section").classes("dm-panel")
    panel.props["aria-label"] = title
    with panel:
        with ui.element("div").classes("dm-panel-head") as head:
            heading(title)
            if note:
                ui.label(note).classes("dm-note")
        yield head


def mark(icon: str, state: str = "") -> None:
    """An icon of Material's before a line; its words say the same. `state`: ok, warn or bad."""
    ui.icon(icon).classes(f"dm-mark {state}").props('aria-hidden="true"')


def what(title: str, *notes: str, aside: str = "", state: str = "") -> None:
    """A line's words: what it is, and softly below it how it is."""
    with ui.element("div").classes("dm-what"):
        with ui.element("div").classes("dm-named"):
            ui.label(title).classes("dm-strong")
            if aside:
                ui.label(aside).classes("dm-note")
        for note in notes:
            if note:
                ui.label(note).classes(f"dm-note {state}")


def small_button(
    text: str,
    name: str,
    on_click: Callable[[], Awaitable[object]] | Callable[[], object],
    *,
    bad: bool = False,
    icon: str | None = None,
    flat: bool = False,
) -> ui.button:
    """A button in a line; `name` is what it is called by those who do not see the line."""
    button = ui.button(text, icon=icon, on_click=on_click).props("no-caps dense")
    button.props("flat" if flat or bad else "outline").classes("dm-small-button q-px-sm")
    if bad:
        button.props("color=negative")
    button.props["aria-label"] = name
    return button


def empty(
    icon: str,
    title: str,
    text: str,
    act: str = "",
    on_click: Callable[[], object] | None = None,
) -> None:
    """What would be here, why it is useful, and the one button that fills it (`act`), if any."""
    with ui.element("div").classes("dm-empty"):
        ui.icon(icon).props('aria-hidden="true"')
        TextElement(tag="p", text=title)
        ui.label(text)
        if act and on_click is not None:
            ui.button(act, on_click=on_click).props("no-caps unelevated")


def failed(title: str, text: str, again: Callable[[], Awaitable[object]]) -> None:
    """What could not be read, what still holds, and a way to try it again."""
    with ui.element("div").classes("dm-failed").props('role="alert"'):
        mark("error_outline", "bad")
        what(title, text)
        small_button(_("Try again"), _("Try again: {title}", title=title), again)


def strip(spans: Iterable[tuple[datetime, datetime]], since: datetime, until: datetime) -> None:
    """A line of time with a mark for each span; told in words beside it."""
    length = (until - since).total_seconds()
    rects = ""
    for start, end in spans:
        x = min(max((start - since).total_seconds() / length * 100, 0.0), 99.0)
        width = (min(end, until) - max(start, since)).total_seconds() / length * 100
        rects += f'<rect x="{x:.2f}" y="1" width="{max(width, 0.7):.2f}" height="10"/>'
    ui.html(
        '<svg class="dm-strip" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<line x1="0" y1="11" x2="100" y2="11"/>{rects}</svg>',
        sanitize=False,
    )


def day_strip(states: Iterable[str], said: str) -> None:
    """Half hours of a day: each `ok`, `bad`, or empty where nobody looked; `said` in words."""
    bins = list(states)
    step = 100 / len(bins)
    rects = "".join(
        f'<rect class="{state}" x="{n * step:.2f}" width="{step * 0.7:.2f}" height="16"/>'
        for n, state in enumerate(bins)
    )
    ui.html(
        '<svg class="dm-day" viewBox="0 0 100 16" preserveAspectRatio="none" role="img" '
        f'aria-label="{said}">{rects}</svg>',
        sanitize=False,
    )


async def attempted(work: Awaitable[T]) -> T | None:
    """Its result; a refusal is told, and None."""
    try:
        return await work
    except HubError as error:
        ui.notify(f"{str(error).rstrip('.')}.", type="negative")
        return None
