"""Notifications: the inbox, rules as sentences, where messages go."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.language.words import _
from hub.notifications.model import Rule
from hub.notifications.service import NotificationService
from hub.services import Services
from hub.web.cards import columns
from hub.web.frame import frame
from hub.web.notifications.channels import ChannelList
from hub.web.notifications.editor import RuleEditor
from hub.web.notifications.inbox import Inbox
from hub.web.notifications.rules import RuleList
from hub.web.page import page

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /notifications."""

    @page("/notifications")
    async def notifications(principal: Reader) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Notifications"), zone):
            await _show(services.notifications, principal, zone)


async def _show(service: NotificationService, who: Principal, zone: ZoneInfo) -> None:
    """Two columns: what there is to know and the rule at hand; rules and channels."""

    async def rules_changed() -> None:
        await rules.refresh()
        await channels.refresh()

    async def channels_changed() -> None:
        await rules.refresh()
        await editor.edit(None)

    async def edit(rule: Rule) -> None:
        await editor.edit(rule, focus=True)

    editor = RuleEditor(service, who, zone, rules_changed)
    rules = RuleList(service, who, edit)
    channels = ChannelList(service, who, zone, channels_changed)
    with columns("wide"):
        with ui.element("div").classes("dm-stack"):
            await Inbox(service, who, zone).show()
            await editor.show()
        with ui.element("div").classes("dm-stack"):
            await rules.show()
            await channels.show()
