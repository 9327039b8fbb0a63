"""Questions in a dialog: shown, answered, gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import context, ui

from contracts.zones import LocalTimeError, instant_of_local, offset_text
from hub.language.words import _
from hub.web.frame import heading
from hub.zones.errors import ZoneRefusedError

__all__ = [
    "ask_choice",
    "ask_dates",
    "ask_move",
    "ask_replacement",
    "ask_text",
    "ask_zone",
    "asked",
    "confirm",
    "tell_secret",
    "typed_instant",
]


async def confirm(
    question: str, *, details: Sequence[str] = (), yes: str, no: str = "", bad: bool = True
) -> bool:
    """Ask before something is done; `bad` colours what cannot be undone."""
    with asked(question, role="alertdialog") as dialog:
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
    with asked(question) as dialog:
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
    with asked(question) as dialog:
        chosen = ui.select(dict(options), value=value, label=label).props("outlined")
        chosen.classes("w-full")
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog)
            ui.button(yes, on_click=lambda: dialog.submit(chosen.value)).props("no-caps")
    return await _answer(dialog)


async def ask_dates(question: str, since: str, until: str) -> tuple[str, str] | None:
    """The first and the last day (2026-11-30); None where the person thought better of it."""
    with asked(question) as dialog:
        first = ui.input(_("First day"), value=since).props("type=date outlined stack-label")
        last = ui.input(_("Last day"), value=until).props("type=date outlined stack-label")
        first.classes("w-full")
        last.classes("w-full")
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog)
            ui.button(_("Show"), on_click=lambda: dialog.submit((first.value, last.value))).props(
                "no-caps"
            )
    answer: tuple[str, str] | None = await _answer(dialog)
    return answer


async def ask_zone(question: str, none: str, value: str | None, names: Sequence[str]) -> str | None:
    """The name of a time zone, empty for `none`; None where the person thought better of it."""
    with asked(question) as dialog:
        chosen = ui.select(
            {"": none} | {name: name for name in names},
            value=value or "",
            label=_("Zone"),
            with_input=True,
        )
        chosen.props("outlined options-dense").classes("w-full")
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog)
            ui.button(_("Use it"), on_click=lambda: dialog.submit(chosen.value or "")).props(
                "no-caps"
            )
    answer: str | None = await _answer(dialog)
    return answer


async def ask_move(
    question: str, options: Mapping[int, str], *, value: int, zone: ZoneInfo
) -> tuple[int, datetime | None] | None:
    """The place that was chosen, and since when by the zone's clock (None: from now on).

    None where the person thought better of it. Raises ZoneRefusedError.
    """
    with asked(question) as dialog:
        chosen = ui.select(dict(options), value=value, label=_("Place")).props("outlined")
        chosen.classes("w-full")
        since = ui.input(_("Since (empty: now)")).props("type=datetime-local outlined stack-label")
        since.classes("w-full")
        ui.label(_("A move that happened earlier is told by when it happened.")).classes("text-sm")
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog)
            ui.button(_("Move"), on_click=lambda: dialog.submit((chosen.value, since.value))).props(
                "no-caps"
            )
    answer: tuple[int, str] | None = await _answer(dialog)
    return None if answer is None else (answer[0], await typed_instant(answer[1], zone))


async def ask_replacement(old: str, others: Mapping[str, str]) -> tuple[str, bool] | None:
    """Who takes a device's place, and whether its calibration goes on; None: nobody."""
    with asked(_("What takes the place of {old}?", old=old)) as dialog:
        chosen = ui.select(dict(others), value=next(iter(others)), label=_("Its successor"))
        chosen.props("outlined").classes("w-full")
        keep = ui.checkbox(_("Keep the old one's calibration"))
        ui.label(_("Otherwise it ends with the chip that it was found for.")).classes("text-sm")
        with ui.row().classes("w-full justify-end"):
            _cancel(dialog)
            ui.button(
                _("Replace"), on_click=lambda: dialog.submit((str(chosen.value), bool(keep.value)))
            ).props("no-caps")
    answer: tuple[str, bool] | None = await _answer(dialog)
    return answer


async def typed_instant(text: object, zone: ZoneInfo) -> datetime | None:
    """What a datetime field holds, by the zone's clock; None for one that is not filled in.

    Of a time that comes twice it is asked which. Raises ZoneRefusedError.
    """
    if not text:
        return None
    try:
        return instant_of_local(str(text), zone)
    except LocalTimeError as error:
        ways = {
            n: _(
                "the {which} one ({offset})",
                which=which,
                offset=offset_text(instant.astimezone(zone)),
            )
            for n, (which, instant) in enumerate(
                zip((_("first"), _("second")), error.choices, strict=False)
            )
        }
        problem = str(error).partition(": write")[0]
        chosen = None
        if ways:
            chosen = await ask_choice(f"{problem}.", _("Meant is"), ways, value=0, yes=_("Go on"))
        if chosen is None:
            raise ZoneRefusedError(problem) from None
        return error.choices[int(chosen)]


async def tell_secret(title: str, secret: str, kept: str = "") -> None:
    """Show something that is not shown again; `kept` says what the hub has of it."""
    with asked(title, stays=True) as dialog:
        ui.label(secret).classes("font-mono break-all").props('data-testid="secret"')
        ui.label(
            _(
                "Copy it now: it is not shown again; {kept}.",
                kept=kept or _("the hub stores only its hash"),
            )
        )
        with ui.row().classes("w-full justify-end"):
            ui.button(_("Done"), on_click=lambda: dialog.submit(True)).props("no-caps")
    await _answer(dialog)


@contextmanager
def asked(question: str, *, role: str = "dialog", stays: bool = False) -> Iterator[ui.dialog]:
    """A dialog that is called as its heading says; what the block makes is in it.

    `stays`: neither Escape nor a click beside it closes it. Await the dialog for its answer.
    """
    with _top(), ui.dialog() as dialog, ui.card().classes("dm-dialog"):
        dialog.props["role"], dialog.props["aria-label"] = role, question
        if stays:
            dialog.props("persistent")
        heading(question)
        yield dialog


def _top() -> ui.element:
    """The page itself: what asked may be built anew while the person thinks."""
    return context.client.content


def _cancel(dialog: ui.dialog, label: str = "") -> None:
    ui.button(label or _("Cancel"), on_click=lambda: dialog.submit(None)).props("flat no-caps")


async def _answer(dialog: ui.dialog) -> Any:
    answer = await dialog
    dialog.delete()
    return answer
