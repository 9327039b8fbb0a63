"""What takes a device away: replace, lock out, remove its account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from hub.errors import HubError
from hub.language.words import _
from hub.live import LiveChange
from hub.mqtt.access import is_viewer
from hub.mqtt.account_repository import AccountState
from hub.mqtt.errors import AccountError
from hub.web.ask import ask_replacement, confirm
from hub.web.device.opened import OpenedDevice
from hub.web.frame import heading
from hub.web.home.view import device_path

__all__ = ["DangerPanel"]


class DangerPanel:
    """For who administers; each says what it does before it is done."""

    def __init__(self, opened: OpenedDevice) -> None:
        self._opened = opened
        self._book = opened.services.mqtt.book

    def build(self) -> None:
        """Make it."""
        with (
            ui.element("section")
            .props(f'aria-label="{_("Danger zone")}"')
            .classes("dm-card dm-danger")
        ):
            heading(_("Danger zone"))
            self._rows()
            self._status = ui.label().classes("dm-bad").props('role="status"')

    @ui.refreshable_method
    def _rows(self) -> None:
        account = self._book.get(self._opened.key)
        ours = account is not None and account.tenant == self._opened.tenant
        locked = ours and account is not None and account.state is AccountState.DISABLED
        with ui.element("ul").classes("dm-list"):
            self._row(
                _("Replace"),
                _("A new sensor takes over name, place and history; this one is locked out."),
                self._replace,
            )
            if locked:
                self._row(
                    _("Let in again"), _("It is locked out: nothing it sends is taken."), self._let
                )
            elif ours:
                self._row(
                    _("Lock out"), _("It may not send any more. Can be taken back."), self._lock
                )
            if ours:
                self._row(
                    _("Remove"),
                    _(
                        "Its account at the broker goes, so that it cannot connect. Its readings "
                        "stay."
                    ),
                    self._remove,
                )
            if not ours:
                with ui.element("li").classes("dm-row"):
                    ui.label(_("It has no account at the broker.")).classes("dm-soft")

    def _row(self, title: str, text: str, act: Callable[[], Awaitable[None]]) -> None:
        with ui.element("li").classes("dm-row"):
            with ui.element("div").classes("dm-grow"):
                ui.label(title).classes("dm-strong")
                ui.label(text).classes("dm-soft dm-small")
            more = "" if title == _("Let in again") else "\N{HORIZONTAL ELLIPSIS}"
            ui.button(f"{title}{more}", on_click=act).props("outline no-caps dense")

    async def _replace(self) -> None:
        opened = self._opened
        others = {
            account.device: opened.names.get(account.device, account.device)
            for account in self._book.all()
            if account.tenant == opened.tenant
            and account.device != opened.key
            and not is_viewer(account.device)
        }
        if not others:
            self._status.text = _(
                "There is no other device that could take its place: add it first."
            )
            return
        answer = await ask_replacement(opened.key, others)
        if answer is None:
            return
        new, keep = answer
        replacement, who = opened.services.replacement, opened.principal.name
        if await self._do(lambda: replacement.replace(opened.key, new, who, keep_calibration=keep)):
            ui.navigate.to(device_path(new))

    async def _lock(self) -> None:
        if await confirm(
            _("Lock out {name}?", name=self._opened.name),
            details=[_("Nothing it sends is taken until you let it in again. Its readings stay.")],
            yes=_("Lock out"),
        ):
            await self._do(lambda: self._book.set_state(self._opened.key, AccountState.DISABLED))

    async def _let(self) -> None:
        await self._do(lambda: self._book.set_state(self._opened.key, AccountState.ACTIVE))

    async def _remove(self) -> None:
        opened = self._opened

        async def remove() -> None:
            await self._book.remove(opened.key)
            opened.services.mqtt.problems.forget(opened.key)

        if await confirm(
            _("Remove {name}?", name=opened.name),
            details=[_("It can no longer connect; what it measured stays. It may enrol anew.")],
            yes=_("Remove"),
        ):
            await self._do(remove)

    async def _do(self, act: Callable[[], Awaitable[object]]) -> bool:
        """Do it, or say why not; whether it was done."""
        opened = self._opened
        account = self._book.get(opened.key)
        try:
            if account is not None and account.tenant != opened.tenant:
                raise AccountError(_("there is no account {key} any more", key=opened.key))
            await act()
        except HubError as error:
            self._status.text = f"{error}."
            return False
        self._status.text = ""
        opened.services.live.publish(opened.tenant, LiveChange("device", opened.key))
        self._rows.refresh()
        return True
