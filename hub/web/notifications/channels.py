"""Where messages go: channels with the last delivery, their quiet hours, a test, a new one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import time
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.times import when
from hub.language.words import N_, _
from hub.notifications.hours import Hours
from hub.notifications.model import ChannelKind, NotifyChannel
from hub.notifications.service import NewChannel, NotificationService
from hub.web.ask import asked, confirm, tell_secret
from hub.web.cards import attempted, card, empty, mark, small_button
from hub.web.reloaded import Reloaded

__all__ = ["ChannelList"]

_KINDS = {
    ChannelKind.APPRISE: "ntfy, e-mail, Telegram, …",
    ChannelKind.WEBHOOK: N_("Signed webhook"),
}
Changed = Callable[[], Awaitable[None]]


class ChannelList:
    """A card with them; `changed` is told of a new one and of one that is gone."""

    def __init__(
        self, service: NotificationService, who: Principal, zone: ZoneInfo, changed: Changed
    ) -> None:
        self._service, self._who, self._zone, self._changed = service, who, zone, changed

    async def show(self) -> None:
        """Build the card."""
        with card(_("Where to")) as head:
            self._channels = Reloaded(partial(self._service.channels, self._who), self._show)
        with head:
            small_button(_("Add"), _("Add a channel"), self._add, icon="add")
        await self._channels.refresh()

    async def refresh(self) -> None:
        """Show them anew."""
        await self._channels.refresh()

    def _show(self, channels: Sequence[NotifyChannel]) -> None:
        if not channels:
            empty("send", _("No channels yet"), _("A phone, a mailbox or a program that is told."))
            return
        with ui.element("ul").classes("dm-items"):
            for channel in channels:
                with ui.element("li"):
                    self._row(channel)

    def _row(self, channel: NotifyChannel) -> None:
        mark("link" if channel.kind is ChannelKind.WEBHOOK else "mail_outline")
        state, word = _("never used"), ""
        if channel.failed_at is not None:
            state = _(
                "failed {when}: {error}",
                when=when(channel.failed_at, self._zone),
                error=channel.error,
            )
            word = "bad"
        elif channel.sent_at is not None:
            state, word = _("works, last sent {when}", when=when(channel.sent_at, self._zone)), "ok"
        whose = _("your own") if channel.person is not None else ""
        with ui.element("div").classes("dm-what"):
            with ui.element("div").classes("dm-named"):
                ui.label(channel.name).classes("dm-strong")
                ui.label(" · ".join(filter(None, (channel.shown, whose)))).classes("dm-note")
            ui.label(state).classes(f"dm-note {word}")
            if quiet := _quiet(channel.hours):
                ui.label(quiet).classes("dm-note")
        if channel.person is not None or self._who.administers:
            small_button(
                _("Test"), _("Test {name}", name=channel.name), partial(self._test, channel)
            )
            self._more(channel)

    def _more(self, channel: NotifyChannel) -> None:
        with (
            ui.button(icon="more_vert")
            .props("flat dense round")
            .classes("dm-small-button") as more,
            ui.menu(),
        ):
            ui.menu_item(_("Quiet hours…"), partial(self._hours, channel))
            ui.menu_item(_("Remove…"), partial(self._remove, channel))
        more.props["aria-label"] = _("More for {name}", name=channel.name)

    async def _test(self, channel: NotifyChannel) -> None:
        message = await attempted(self._service.test(self._who, channel.id))
        if message is not None:
            ui.notify(
                _("Sent.") if message.sent_at else _("Not delivered: {error}.", error=message.error)
            )
        await self._channels.refresh()

    async def _remove(self, channel: NotifyChannel) -> None:
        if await confirm(_("Remove the channel {name}?", name=channel.name), yes=_("Remove")):
            await attempted(self._service.remove_channel(self._who, channel.id))
            await self._channels.refresh()
            await self._changed()

    async def _hours(self, channel: NotifyChannel) -> None:
        """Ask when a channel is to be quiet."""
        hours = channel.hours
        with asked(_("When {name} is quiet", name=channel.name)) as dialog:
            ui.label(_("What is urgent comes through; the rest is told afterwards."))
            since = _clock(_("Quiet from"), hours.quiet_from)
            until = _clock(_("Quiet until"), hours.quiet_until)
            weekends = ui.checkbox(_("All of Saturday and Sunday"), value=hours.weekends)
            digest = _clock(_("Once a day together, at"), hours.digest_at)
            problem = ui.label().props('role="alert"').classes("dm-bad")

            async def save() -> None:
                if bool(since.value) != bool(until.value):
                    problem.text = _("Quiet hours need their beginning and their end.")
                    return
                chosen = Hours(
                    _time(since.value), _time(until.value), bool(weekends.value),
                    _time(digest.value),
                )  # fmt: skip
                try:
                    await self._service.set_hours(self._who, channel.id, chosen)
                except HubError as error:
                    problem.text = f"{str(error).rstrip('.')}."
                    return
                dialog.submit(True)

            with ui.row().classes("w-full justify-end"):
                ui.button(_("Cancel"), on_click=lambda: dialog.submit(None)).props("flat no-caps")
                ui.button(_("Save"), on_click=save).props("no-caps")
        await dialog
        dialog.delete()
        await self._channels.refresh()

    async def _add(self) -> None:
        """Ask for a new one's name and address."""
        added = None
        with asked(_("Add a channel")) as dialog:
            name = ui.input(_("Name")).props("outlined dense maxlength=100 autofocus")
            name.classes("w-full")
            kind = ui.select(
                {key: _(text) for key, text in _KINDS.items()},
                value=ChannelKind.APPRISE,
                label=_("Kind"),
            )
            kind.props("outlined dense options-dense").classes("w-full")
            address = ui.input(_("Address"), password=True, placeholder="ntfy://topic")
            address.props('outlined dense maxlength=2000 autocomplete="off"').classes("w-full")
            ui.label(
                _(
                    "ntfy://topic, mailto://user:password@host, tgram://token/chat and others "
                    "(appriseit.com/services), or a webhook's https:// address. It is a secret, "
                    "and is not shown again."
                )
            ).classes("dm-note")
            everybody = None
            if self._who.administers:
                everybody = ui.checkbox(_("For everybody"), value=True)
            problem = ui.label().props('role="alert"').classes("dm-bad")

            async def add() -> None:
                called, where = str(name.value or "").strip(), str(address.value or "").strip()
                if not called or not where:
                    problem.text = _("Type a name and an address.")
                    return
                own = everybody is None or not everybody.value
                new = NewChannel(called[:100], kind.value or ChannelKind.APPRISE, where, own=own)
                try:
                    dialog.submit(await self._service.add_channel(self._who, new))
                except HubError as error:
                    problem.text = f"{str(error).rstrip('.')}."

            with ui.row().classes("w-full justify-end"):
                ui.button(_("Cancel"), on_click=lambda: dialog.submit(None)).props("flat no-caps")
                ui.button(_("Add"), on_click=add).props("no-caps")
        added = await dialog
        dialog.delete()
        if added is not None:
            channel, signing = added
            ui.notify(_("{name} is added: test it.", name=channel.name))
            await self._channels.refresh()
            await self._changed()
            if signing:
                await tell_secret(
                    _("What its messages are signed with"),
                    signing,
                    _("the hub keeps it to sign with"),
                )


def _clock(label: str, value: time | None) -> ui.input:
    field = ui.input(label, value="" if value is None else f"{value:%H:%M}")
    field.props("type=time outlined dense stack-label").classes("w-full")
    return field


def _time(text: object) -> time | None:
    return time.fromisoformat(str(text)) if text else None


def _quiet(hours: Hours) -> str:
    parts = []
    if hours.quiet_from is not None and hours.quiet_until is not None:
        parts.append(f"{hours.quiet_from:%H:%M} to {hours.quiet_until:%H:%M}")
    if hours.weekends:
        parts.append("weekends")
    said = _("Quiet {names}; urgent comes through", names=" and ".join(parts)) if parts else ""
    together = (
        _("together at {digest_at}", digest_at=f"{hours.digest_at:%H:%M}")
        if hours.digest_at is not None
        else ""
    )
    return " · ".join(filter(None, (said, together)))
