"""All rollouts of a tenant, newest first."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.api.principal import Principal
from hub.language.words import _
from hub.rollouts.view import RolloutView
from hub.runtime.broadcast import Missed
from hub.services import Services
from hub.web.cards import empty
from hub.web.updates.words import counts, phase_words, target_words

__all__ = ["Listed"]

_MOST = 50
# Streams tell of each percent; a list need not follow every one.
_AT_MOST_EVERY_S = 1.0


class Listed:
    """The list."""

    def __init__(self, services: Services, principal: Principal, zone: ZoneInfo) -> None:
        self._zone = zone
        self._services = services
        self._principal = principal
        self._shown: list[tuple[int, str, str]] = []

    async def watch(self) -> None:
        """Follow what becomes of them."""
        async with self._services.rollouts.watch() as changes:
            await self._again()  # what happened since the page was made
            async for change in changes:
                if isinstance(change, Missed) or change[0] == self._principal.tenant:
                    await self._again()
                    await asyncio.sleep(_AT_MOST_EVERY_S)

    async def _again(self) -> None:
        before = self._shown
        await self.load()
        if self._shown != before:
            self.show.refresh()

    async def load(self) -> None:
        """Ask for number, what it is and where it stands, of each."""
        views = await self._services.rollouts.latest(self._principal.tenant, _MOST)
        self._shown = [
            (view.rollout.id, target_words(view.rollout), _standing(view, self._zone))
            for view in views
        ]

    @ui.refreshable_method
    def show(self) -> None:
        """Build it; all at once, since whoever asks for it meanwhile would add to it."""
        if self._principal.administers:
            ui.button(
                _("New rollout"), icon="add", on_click=lambda: ui.navigate.to("/updates/new")
            ).props("outline no-caps")
        if not self._shown:
            empty(
                "system_update_alt",
                _("No rollout yet"),
                _(
                    "It brings new firmware or another setting to many devices, a few at a time, "
                    "and stops by itself when something goes wrong."
                ),
            )
        for number, target, standing in self._shown:
            with ui.column().classes("w-full gap-0 dm-line"):
                ui.link(f"{number}: {target}", f"/updates/{number}")
                ui.label(standing).classes("text-sm opacity-80 break-words")


def _standing(view: RolloutView, zone: ZoneInfo) -> str:
    rollout = view.rollout
    by = _(" by {who}", who=rollout.created_by) if rollout.created_by else ""
    started = f"{zoned(rollout.created_at, zone, '%d %b %Y %H:%M')}"
    return _(
        "{phase_words}; {counts}; started {started}{by}",
        phase_words=phase_words(rollout),
        counts=counts(view),
        started=started,
        by=by,
    )
