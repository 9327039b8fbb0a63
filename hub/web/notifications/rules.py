"""The rules there are: on or off, what each says, and when it would have told something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from nicegui import ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.words import _
from hub.notifications.model import NotifyChannel, Rule
from hub.notifications.past import DAYS
from hub.notifications.service import NotificationService
from hub.web.cards import attempted, card, empty
from hub.web.notifications.rule_said import rule_name, rule_said
from hub.web.notifications.trial import show_trial, times_said
from hub.web.reloaded import Reloaded

__all__ = ["RuleList"]

Edit = Callable[[Rule], Awaitable[None]]


class RuleList:
    """A card with them; what they would have told comes when it is found."""

    def __init__(self, service: NotificationService, who: Principal, edit: Edit) -> None:
        self._service, self._who, self._edit = service, who, edit
        self._waiting: list[tuple[Rule, ui.label, ui.element]] = []
        self._one = asyncio.Lock()

    async def show(self) -> None:
        """Build the card."""
        with card(_("Rules"), _("last 30 days")):
            self._rules = Reloaded(self._load, self._show)
        await self._rules.refresh()
        ui.timer(0, self._try_all, once=True)

    async def refresh(self) -> None:
        """Show them anew."""
        await self._rules.refresh()
        await self._try_all()

    async def _load(self) -> tuple[list[Rule], list[NotifyChannel]]:
        rules = await self._service.rules(self._who)
        return rules, await self._service.channels(self._who)

    def _show(self, loaded: tuple[Sequence[Rule], Sequence[NotifyChannel]]) -> None:
        rules, channels = loaded
        self._waiting = []
        names = {one.id: one.name for one in channels}
        if not rules:
            empty(
                "rule", _("No rules yet"), _("A rule says what you want to be told of, and whom.")
            )
            return
        with ui.element("ul").classes("dm-items"):
            for rule in rules:
                with ui.element("li").classes("top"):
                    self._row(rule, [names[one] for one in rule.channels if one in names])

    def _row(self, rule: Rule, told: list[str]) -> None:
        if rule.person is not None or self._who.administers:
            switch = ui.switch(value=rule.enabled).props("dense")
            switch.props["aria-label"] = _("On: {name}", name=rule_name(rule))
            switch.on_value_change(lambda event: self._switch(rule, bool(event.value)))
        with ui.element("div").classes("dm-what"):
            said, name = rule_said(rule), rule_name(rule)
            button = ui.button(name, on_click=partial(self._edit, rule))
            button.props("flat dense no-caps align=left").classes("dm-rule-name")
            button.props["aria-label"] = _("Change the rule {name}", name=name)
            parts = ["" if name == said else said, f"→ {', '.join(told) or _('the inbox')}"]
            if rule.urgent:
                parts.append(_("urgent"))
            if rule.person is not None:
                parts.append(_("your own"))
            if not rule.enabled:
                parts.append(_("off"))
            ui.label(" · ".join(filter(None, parts))).classes("dm-note")
            count = ui.label().classes("dm-note")
            line = ui.element("div").classes("w-full")
            self._waiting.append((rule, count, line))

    async def _switch(self, rule: Rule, on: bool) -> None:
        await attempted(self._service.change_rule(self._who, rule.id, enabled=on))
        await self.refresh()

    async def _try_all(self) -> None:
        """One after the other: each is a look at a month of readings."""
        async with self._one:
            for rule, count, line in self._waiting:
                if line.is_deleted:
                    continue
                try:
                    tried = await self._service.try_rule(self._who, rule.id)
                except HubError:
                    continue  # it was removed meanwhile, or the database is away: no line
                count.text = times_said(tried)
                if tried.known and not line.is_deleted:
                    now = datetime.now(UTC)
                    with line:
                        show_trial(tried, now - timedelta(days=DAYS), now)
