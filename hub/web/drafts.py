"""The drafts of a wizard: which one this is, the others, and beginning another."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from nicegui import ui

from hub.errors import HubError
from hub.language.times import span
from hub.language.words import _, ngettext
from hub.web.ask import ask_text, confirm
from hub.web.frame import heading
from hub.wizards.repository import WizardDraft, WizardRepository

__all__ = ["DraftList"]

_UNNAMED = "the draft without a name"


class DraftList:
    """Below a wizard that lies at `path`; a draft's address is that with `?draft=`."""

    def __init__(self, wizards: WizardRepository, wizard: str, path: str, draft: str) -> None:
        self._wizards, self._wizard = wizards, wizard
        self._path, self._draft = path, draft

    async def build(self) -> None:
        """Make it."""
        heading(_("Drafts"))
        ui.label(_("This is {value}.", value=self._draft or _UNNAMED))
        with ui.row():
            ui.button(_("Name this draft"), on_click=self._name).props("flat no-caps")
            ui.button(_("New draft"), on_click=self._begin).props("flat no-caps")
        self._status = ui.label().props('role="status"')
        await self._others()

    @ui.refreshable_method
    async def _others(self) -> None:
        drafts = await self._wizards.drafts(self._wizard)
        with ui.element("ul").classes("dm-list"):
            for one in drafts:
                if one.name != self._draft:
                    with ui.element("li").classes("dm-row"):
                        self._row(one)

    def _row(self, one: WizardDraft) -> None:
        called = one.name or _UNNAMED
        with ui.element("div").classes("dm-grow"):
            ui.label(called).classes("dm-strong")
            ago = span((datetime.now(UTC) - one.changed_at).total_seconds())
            ui.label(
                _(
                    "{answers}, changed {ago} ago",
                    answers=ngettext("{n} answer", "{n} answers", one.answered),
                    ago=ago,
                )
            ).classes("dm-soft")

        async def remove() -> None:
            details = [_("Its answers are forgotten. What was set up so far stays as it is.")]
            if await confirm(
                _("Remove {called}?", called=called), details=details, yes=_("Remove")
            ):
                await self._wizards.reset(self._wizard, one.name)
                await self._others.refresh()

        button = ui.button(_("Continue"), on_click=lambda: self._go(one.name)).props("flat no-caps")
        button.props["aria-label"] = _("Continue {called}", called=called)
        button = ui.button(_("Remove"), on_click=remove).props("flat no-caps color=negative")
        button.props["aria-label"] = _("Remove {called}", called=called)

    async def _name(self) -> None:
        name = await ask_text(
            _("Name this draft"), _("Draft"), value=self._draft, yes=_("Use this name")
        )
        if name is None or name == self._draft:
            return
        try:
            self._go(await self._wizards.name(self._wizard, self._draft, name))
        except HubError as error:
            self._status.text = f"{error}."

    async def _begin(self) -> None:
        name = await ask_text(_("Begin a new draft"), _("Name of the draft"), yes=_("Begin"))
        if name is None:
            return
        if name in [one.name for one in await self._wizards.drafts(self._wizard)]:
            self._status.text = _("A draft {name} is there already: continue it.", name=f"{name!r}")
            return
        self._go(name)

    def _go(self, draft: str) -> None:
        ui.navigate.to(self._path + (f"?draft={quote(draft, safe='')}" if draft else ""))
