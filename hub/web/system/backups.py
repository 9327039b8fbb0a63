"""The card Backups: what there is, what was proven of it, one made now."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.backups.model import BackupName, BackupState
from hub.backups.service import BackupService
from hub.errors import HubError
from hub.language.times import when
from hub.language.words import _, ngettext
from hub.web.backups import backup_lines
from hub.web.cards import card, empty, mark, small_button, what
from hub.web.reloaded import Reloaded

__all__ = ["BackupCard"]

_MOST = 3
_LOOK_S = 2.0
Seen = tuple[BackupState, str, list[BackupName], str]


class BackupCard:
    """`whole`: for who administers the hub's own tenant; others read how the hub's are."""

    def __init__(self, backups: BackupService, zone: ZoneInfo, *, whole: bool) -> None:
        self._backups, self._zone, self._whole = backups, zone, whole and backups.ours

    async def show(self) -> None:
        """Build it."""
        with card(_("Backups")) as head:
            if not self._whole:
                self._sentences()
                return
            self._list = Reloaded(self._load, self._show, only_changed=True)
            with ui.element("p").classes("dm-panel-foot"):
                ui.label(self._foot()).classes("dm-what dm-note")
        with head:
            self._make = small_button(
                _("Back up now"), _("Make a backup now"), self._begin, icon="save_alt"
            )
        ui.timer(0, self._list.refresh, once=True)
        ui.timer(_LOOK_S, self._follow)

    def _sentences(self) -> None:
        with ui.element("ul").classes("dm-items"):
            for line in backup_lines(self._backups, self._zone):
                with ui.element("li"):
                    ui.label(line).classes("dm-note")

    async def _load(self) -> Seen:
        there, problem = await self._backups.seen()
        ours = [one for one in there if one.hub == self._backups.hub]
        return self._backups.state, self._backups.doing, ours[:_MOST], problem

    def _show(self, seen: Seen) -> None:
        state, doing, there, problem = seen
        self._make.set_enabled(not doing)
        with ui.element("ul").classes("dm-items"):
            if doing:
                with ui.element("li").props('role="status"'):
                    ui.spinner(size="sm").props('aria-hidden="true"')
                    what(f"{doing[:1].upper()}{doing[1:]}", _("You may leave this page."))
            if state.failure is not None:
                with ui.element("li"):
                    mark("close", "bad")
                    what(
                        _("Failed {when}", when=when(state.failure.at, self._zone)),
                        state.failure.reason,
                    )
            if problem:
                with ui.element("li"):
                    mark("warning_amber", "warn")
                    what(_("What there is cannot be seen"), problem)
            for name in there:
                with ui.element("li"):
                    mark("check", "ok")
                    what(_first(when(name.at, self._zone)), self._proof(state, name))
        if not there and not doing and state.failure is None and not problem:
            empty("backup", _("No backup yet"), _("The first is made soon after the hub's start."))

    def _proof(self, state: BackupState, name: BackupName) -> str:
        said = []
        if state.last_good is not None and state.last_good.name == str(name):
            said.append(f"{state.last_good.size / 1e6:.1f} MB")
            said.append(ngettext("{n} row", "{n} rows", state.last_good.rows))
        drill = state.drill
        if drill is not None and drill.name == str(name):
            tried = when(drill.at, self._zone)
            said.append(
                _(
                    "restored for trial {tried}, {rows} equal",
                    tried=tried,
                    rows=ngettext("{n} row", "{n} rows", drill.rows),
                )
                if drill.passed
                else _(
                    "could not be restored for trial {tried}: {reason}",
                    tried=tried,
                    reason=drill.reason,
                )
            )
        return " · ".join(said) or str(name)

    def _foot(self) -> str:
        at = self._backups.next_at
        next_one = (
            _("Made only when asked for")
            if at is None
            else _("Next {when}", when=when(at, self._zone))
        )
        return _(
            "{next_one}, kept in {where}. `dormouse hub restore latest` on the hub's "
            "machine brings the newest back.",
            next_one=next_one,
            where=self._backups.where,
        )

    async def _begin(self) -> None:
        try:
            self._backups.begin()
        except HubError as error:
            ui.notify(f"{str(error).rstrip('.')}.", type="negative")
            return
        await asyncio.sleep(0)
        await self._list.refresh()

    async def _follow(self) -> None:
        """While one is made, and when it ends."""
        if self._backups.doing or not self._make.enabled:
            await self._list.refresh()


def _first(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
