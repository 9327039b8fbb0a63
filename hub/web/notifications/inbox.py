"""The inbox: what is open, what ended by itself, and what is past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.api.principal import Principal
from hub.language.times import when
from hub.language.words import _
from hub.notifications.model import Alert, RuleKind
from hub.notifications.service import NotificationService
from hub.web.cards import attempted, card, empty, mark, small_button, what
from hub.web.frame import heading
from hub.web.notifications.alert_said import alert_said
from hub.web.reloaded import Reloaded

__all__ = ["Inbox"]

_AGAIN_S = 30.0  # the hub looks twice a minute
_MOST = 30
# Of what ended longer ago Past tells.
_LATELY = timedelta(days=7)
_ICONS = {
    RuleKind.SILENT: "sensors_off",
    RuleKind.BATTERY: "battery_alert",
    RuleKind.ROLLOUT: "system_update_alt",
    RuleKind.BACKUP: "backup",
    RuleKind.DISK: "storage",
    RuleKind.AWAY: "cloud_off",
    RuleKind.TUNNEL: "vpn_lock",
    RuleKind.CHANNEL: "mark_email_unread",
}
_GRAVE = {RuleKind.SILENT, RuleKind.BACKUP, RuleKind.DISK, RuleKind.AWAY}


class Inbox:
    """A card with the alerts that a person sees; shown anew when they changed."""

    def __init__(self, service: NotificationService, who: Principal, zone: ZoneInfo) -> None:
        self._service, self._who, self._zone = service, who, zone
        self._past = False

    async def show(self) -> None:
        """Build the card."""
        with card(_("Inbox")) as head:
            self._alerts = Reloaded(
                partial(self._service.inbox, self._who), self._show, only_changed=True
            )
        with head, ui.element("div").classes("dm-segments").props('role="group"') as group:
            group.props["aria-label"] = _("Which alerts")
            self._open = self._segment(_("Open"), False)
            self._ended = self._segment(_("Past"), True)
        await self._alerts.refresh()
        ui.timer(_AGAIN_S, self._alerts.refresh, immediate=False)

    def _segment(self, text: str, past: bool) -> ui.element:
        async def choose() -> None:
            self._past = past
            await self._alerts.refresh(anew=True)

        with ui.element("button").props('type="button"').on("click", choose) as button:
            ui.html(text, sanitize=False, tag="span")
        return button

    def _show(self, alerts: Sequence[Alert]) -> None:
        going = [alert for alert in alerts if alert.ended_at is None]
        ended = [alert for alert in alerts if alert.ended_at is not None]
        for button, chosen in ((self._open, not self._past), (self._ended, self._past)):
            button.props["aria-pressed"] = "true" if chosen else "false"
            button.update()
        if self._past:
            if ended:
                self._list(ended[:_MOST], self._ended_row)
            else:
                empty(
                    "history",
                    _("Nothing in the past"),
                    _("What has ended is kept here for a while."),
                )
            return
        if going:
            self._list(going, self._open_row)
        else:
            empty(
                "done_all",
                _("Nothing is open"),
                _("What a rule tells of stands here until it ends."),
            )
        newest = max((alert.ended_at for alert in ended if alert.ended_at), default=None)
        lately = [a for a in ended if a.ended_at and newest and newest - a.ended_at < _LATELY]
        if lately:
            heading(_("Ended by themselves"), 3).classes("dm-group")
            self._list(lately[:3], self._ended_row)

    def _list(self, alerts: Sequence[Alert], row: Callable[[Alert], None]) -> None:
        with ui.element("ul").classes("dm-items"):
            for alert in alerts:
                with ui.element("li"):
                    row(alert)

    def _open_row(self, alert: Alert) -> None:
        bad = alert.urgent or alert.kind in _GRAVE
        mark(_ICONS.get(alert.kind, "warning_amber"), "bad" if bad else "warn")
        seen = (
            _("seen by {acknowledged_by}", acknowledged_by=alert.acknowledged_by)
            if alert.acknowledged_by
            else ""
        )
        urgent = _("urgent") if alert.urgent else ""
        what(alert.name, " · ".join(filter(None, (self._at(alert.since), urgent, seen))),
             aside=alert_said(alert.text))  # fmt: skip
        if alert.acknowledged_at is None:
            small_button(_("Seen"), _("Seen: {name}", name=alert.name), partial(self._see, alert))

    def _ended_row(self, alert: Alert) -> None:
        mark("check", "ok")
        until = self._at(alert.ended_at) if alert.ended_at else ""
        what(alert.name, _("{since} to {until}", since=self._at(alert.since), until=until),
             aside=alert_said(alert.ended_text or alert.text))  # fmt: skip

    async def _see(self, alert: Alert) -> None:
        await attempted(self._service.acknowledge(self._who, [alert.id]))
        await self._alerts.refresh()

    def _at(self, instant: datetime) -> str:
        return when(instant, self._zone)
