"""Hooks: what pushes start, and where each run stands."""

from __future__ import annotations

import asyncio

from nicegui import ui

from hub.api.principal import Administrator
from hub.language.words import N_, _
from hub.live import LiveChange, Subscription
from hub.runtime.broadcast import Missed
from hub.self_update.model import UpdatePhase
from hub.services import Services
from hub.web.cards import card, columns, what
from hub.web.following import following
from hub.web.frame import frame
from hub.web.hooks.listed import HooksCard
from hub.web.hooks.runs import RunsCard
from hub.web.page import page

__all__ = ["mount"]

# s: a step that says much does not have the page built for each line.
_AT_MOST_EVERY_S = 0.5
_PHASES = {
    UpdatePhase.SETTLED: "", UpdatePhase.TRIAL: N_(", which is new and watched"),
    UpdatePhase.REVERTING: "",
}  # fmt: skip


def mount(services: Services) -> None:
    """Add /hooks."""

    @page("/hooks")
    async def hooks(principal: Administrator) -> None:
        async with following(services.live.subscribe(principal.tenant), "hooks page") as follow:
            zone = (await services.zones.of(principal.tenant)).zone
            with frame(principal, _("Hooks"), zone):
                ui.label(
                    _(
                        "A push to a repository starts a chain of steps, up to devices with new "
                        "firmware, or another version of this hub."
                    )
                ).classes("dm-soft")
                shown = HooksCard(services, principal)
                runs = RunsCard(services.hooks.of(principal.tenant), zone)
                with columns(""), ui.element("div").classes("dm-stack"):
                    await shown.show()
                    _show_version(services)
                    await runs.show()

            async def watch(updates: Subscription) -> None:
                async for update in updates:
                    told = isinstance(update, LiveChange) and update.noun == "hook"
                    if told or isinstance(update, Missed):
                        await shown.again()
                        await runs.again()
                        await asyncio.sleep(_AT_MOST_EVERY_S)

            follow(watch)


def _show_version(services: Services) -> None:
    """What runs, where hooks may bring the hub to another version."""
    running = services.updates.running()
    last = running.outcome
    if not running.enabled and last is None:
        return
    notes = []
    # The empty message would be the catalogue's own head.
    watched = _(_PHASES[running.phase]) if _PHASES[running.phase] else ""
    if last is not None:
        came = (
            _("healthy") if last.healthy else _("gone back from: it {reason}", reason=last.reason)
        )
        notes = [
            _(
                "Last update, {who}: {release}, {came}",
                who=last.who,
                release=last.release,
                came=came,
            ),
            last.kept or "",
        ]
    with card(_("This hub")), ui.element("ul").classes("dm-items"), ui.element("li"):
        what(f"Dormouse {running.release}{watched}", *notes)
