"""The end of adding a device: where it is seen now, and the next one."""

from __future__ import annotations

from nicegui import ui

from contracts.homekit.quantities import quantity
from contracts.qr import svg_uri
from hub.language.words import _
from hub.notifications.model import RuleKind
from hub.web.adding.context import Adding
from hub.web.adding.script import sensors_in
from hub.web.cards import mark, what
from hub.web.terms import shown
from hub.web.wizard_page import WizardPage

__all__ = ["show_done"]


async def show_done(page: WizardPage, adding: Adding, device: str, name: str) -> None:
    """What it measures, Apple Home, who is told when it is silent, a comparison; and on."""
    latest = await adding.latest(device)
    with ui.element("div").classes("dm-card w-full"):
        ui.label(_("{name} is set up.", name=name)).classes("dm-strong")
        for key, last in sorted(latest.items()):
            if f"{key.service}/{key.index}" in sensors_in(latest):
                kind = quantity(key)
                ui.label(f"{kind.label} {shown(last.value, kind)}")
    with ui.element("ul").classes("dm-items w-full"):
        with ui.element("li").classes("top"):
            _homekit(adding, device, name)
        with ui.element("li"):
            await _told(adding)
        with ui.element("li"):
            mark("thermostat")
            what(_("Does it read right?"), _("Compare it with an instrument that you trust."))
            ui.link(_("Open its page"), f"/devices/{device}")
    with ui.row().classes("items-center"):
        ui.button(_("Add the next one"), icon="add", on_click=page.reset).props(
            "no-caps unelevated"
        )
        ui.link(_("To Home"), "/").classes("dm-button")


def _homekit(adding: Adding, device: str, name: str) -> None:
    homekit, tenant = adding.services.homekit, adding.tenant
    pairings = homekit.pairings(tenant)
    if not pairings:
        mark("phone_iphone")
        what(_("Apple Home"), _("Its side of the hub is not running just now."))
        return
    unshown = [held for held in homekit.unshown(tenant) if held.device == device]
    reasons = [
        _("Not shown: {part}, {reason}", part=held.part, reason=held.reason) for held in unshown
    ]
    if any(info.controllers for info in pairings):
        mark("check", "ok")
        said = (
            _("Look for “{name}” in the Home app.", name=name)
            if homekit.has(tenant, device)
            else _("In a moment.")
        )
        what(_("In Apple Home"), said, *reasons)
        return
    mark("phone_iphone")
    info = pairings[0]
    with ui.element("div").classes("dm-what"):
        ui.label(_("Show it in Apple Home")).classes("dm-strong")
        ui.label(
            _(
                "In the Home app choose Add Accessory and scan this once; every device of "
                "this hub comes with it, now and later."
            )
        ).classes("dm-note")
        for reason in reasons:
            ui.label(reason).classes("dm-note")
        # White around it in dark mode too: cameras want it.
        ui.image(svg_uri(info.uri)).props('alt="QR code for the Home app"').classes("w-56")
        ui.label(_("Or type the code {pin}", pin=info.pin)).classes("dm-note")


async def _told(adding: Adding) -> None:
    """Whether anybody hears of it when it is silent."""
    kinds = {rule.kind for rule in await adding.rules() if rule.enabled}
    if RuleKind.SILENT in kinds:
        mark("check", "ok")
        what(_("You hear of it"), _("If it is silent: a rule of Notifications says so."))
        return
    mark("notifications_none")
    what(_("Nobody is told when it is silent"), _("A rule of Notifications changes that."))
    ui.link(_("Make a rule"), "/notifications")
