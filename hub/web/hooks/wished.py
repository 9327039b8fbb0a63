"""Dialogs that put a command together: hooks are added and changed on the hub's machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from hub.errors import HubError
from hub.hooks.command_line import HookWish, add_line, change_line
from hub.hooks.model import Hook
from hub.hooks.sources import HookSource
from hub.language.words import N_, _
from hub.web.ask import asked

__all__ = ["ask_change", "ask_new"]

_ADDED = N_(
    "A hook runs programs on the hub's machine, so it is added there, by who may log in to it."
)
_CHANGED = N_(
    "A hook runs programs on the hub's machine, so it is changed there, by who may log in to it."
)


async def ask_new(places: Mapping[str, str], tenant: str) -> None:
    """What is to be added; shows the command. `places`: to whom firmware may go, in words."""
    with asked(_("Add a hook"), stays=True) as dialog:
        ui.label(_(_ADDED)).classes("dm-note")
        name = _input(_("Name, such as firmware"), 64)
        repository = _input(_("Repository, https://host/path or git@host:path"), 400)
        source = ui.select(
            [one.value for one in HookSource],
            value=HookSource.GITHUB.value,
            label=_("Who calls it"),
        )
        source.props("dense outlined options-dense").classes("w-full")
        branch = _input(_("Branch"), 200, "main")
        test = _input(_("Test: a command that must succeed"), 4000)
        build = _input(_("Build: a command that makes the firmware's image"), 4000)
        file = _input(_("The image that it makes, such as out/app.bin"), 400)
        version_file = _input(_("A file that has its version, such as VERSION"), 400)
        rollout = ui.select(dict(places), value="", label=_("Who gets the firmware"))
        rollout.props("dense outlined options-dense").classes("w-full")
        command = _input(_("A command at the end"), 4000)

        def line() -> str:
            return add_line(
                HookWish(
                    _text(name), HookSource(source.value), _text(repository), _text(branch),
                    _text(test), _text(build), _text(file), _text(version_file),
                    str(rollout.value or ""), _text(command),
                ),
                tenant,
            )  # fmt: skip

        _show_line(dialog, line, _("It prints the hook's secret, this once."))
    await dialog
    dialog.delete()


async def ask_change(hook: Hook, tenant: str) -> None:
    """What of a hook is to be otherwise; shows the command."""
    with asked(_("Change {name}", name=hook.name), stays=True) as dialog:
        ui.label(_(_CHANGED)).classes("dm-note")
        repository = _input(_("Repository"), 400, hook.repository)
        branch = _input(_("Branch"), 200, hook.branch)

        def line() -> str:
            return change_line(
                hook.name,
                "" if _text(repository) == hook.repository else _text(repository),
                "" if _text(branch) == hook.branch else _text(branch),
                tenant,
            )

        _show_line(
            dialog,
            line,
            _(
                "Its steps are changed by --chain FILE (docs/hooks.md); what is queued goes on "
                "as it was."
            ),
        )
    await dialog
    dialog.delete()


def _show_line(dialog: ui.dialog, line: Callable[[], str], after: str) -> None:
    """A button that says the command, or why there is none."""
    problem = ui.label().props('role="alert"').classes("dm-bad")
    with ui.element("div").props('role="status"').classes("w-full") as shown:
        pass

    def show() -> None:
        problem.text = ""
        shown.clear()
        try:
            text = line()
        except HubError as error:
            problem.text = f"{str(error).rstrip('.')}."
            return
        with shown:
            ui.label(_("Type this on the hub's machine:"))
            TextElement(tag="pre", text=text).classes("dm-tail").props('data-testid="command"')
            ui.label(after).classes("dm-note")
            ui.button(_("Copy"), on_click=lambda: ui.clipboard.write(text)).props("flat no-caps")

    with ui.row().classes("w-full justify-end"):
        ui.button(_("Close"), on_click=lambda: dialog.submit(None)).props("flat no-caps")
        ui.button(_("Show the command"), on_click=show).props("no-caps")


def _input(label: str, longest: int, value: str = "") -> ui.input:
    field = ui.input(label, value=value).props(f"dense outlined maxlength={longest}")
    return field.classes("w-full")


def _text(field: ui.input) -> str:
    return str(field.value or "").strip()
