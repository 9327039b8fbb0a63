"""Questions in a dialog: shown, answered, gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import context, ui

from hub.web.frame import heading

__all__ = ["ask_choice", "ask_text", "confirm", "tell_secret"]


async def confirm(
    question: str, *, details: Sequence[str] = (), yes: str, no: str = "Cancel", bad: bool = True
) -> bool:
    """Ask before something is done; `bad` colours what cannot be undone."""
    with _top(), ui.dialog() as dialog, ui.card().props('role="alertdialog"').classes("dm-dialog"):
        heading(question)
        for detail in details:
            ui.label(detail)
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog, no)
            done = ui.button(yes, on_click=lambda: dialog.submit(True)).props("no-caps")
            if bad:
                done.props("color=negative")
    return bool(await _answer(dialog))


async def ask_text(question: str, label: str, *, value: str = "", yes: str) -> str | None:
    """A line of text, stripped; None where the person thought better of it."""
    with _top(), ui.dialog() as dialog, ui.card().classes("dm-dialog"):
        heading(question)
        text = ui.input(label, value=value).props("maxlength=100 outlined autofocus")
        text.classes("w-full")

        def submit() -> None:
            if (text.value or "").strip():
                dialog.submit(text.value.strip())

        text.on("keydown.enter", submit)
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog)
            ui.button(yes, on_click=submit).props("no-caps")
    answer = await _answer(dialog)
    return None if answer is None else str(answer)


async def ask_choice(
    question: str, label: str, options: Mapping[Any, str], *, value: Any, yes: str
) -> Any:
    """One of the options' keys; None where the person thought better of it."""
    with _top(), ui.dialog() as dialog, ui.card().classes("dm-dialog"):
        heading(question)
        chosen = ui.select(dict(options), value=value, label=label).props("outlined")
        chosen.classes("w-full")
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog)
            ui.button(yes, on_click=lambda: dialog.submit(chosen.value)).props("no-caps")
    return await _answer(dialog)


async def tell_secret(title: str, secret: str) -> None:
    """Show something that is not shown again."""
    with _top(), ui.dialog().props("persistent") as dialog, ui.card().classes("dm-dialog"):
        heading(title)
        ui.label(secret).classes("font-mono break-all").props('data-testid="secret"')
        ui.label("Copy it now: it is not shown again; the hub stores only its hash.")
        with ui.row().classes("w-full justify-end"):
            ui.button("Done", on_click=lambda: dialog.submit(True)).props("no-caps")
    await _answer(dialog)


def _top() -> ui.element:
    """The page itself: what asked may be built anew while the person thinks."""
    return context.client.content


def _cancel(dialog: ui.dialog, label: str = "Cancel") -> None:
    ui.button(label, on_click=lambda: dialog.submit(None)).props("flat no-caps")


async def _answer(dialog: ui.dialog) -> Any:
    answer = await dialog
    dialog.delete()
    return answer
