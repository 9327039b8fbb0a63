"""Accounts of devices and tools at the broker: approve, enable, disable, new passwords."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from hub.api.principal import Administrator, Principal
from hub.errors import HubError
from hub.language.words import N_, _, ngettext
from hub.mqtt.access import is_viewer
from hub.mqtt.account_repository import Account, AccountState
from hub.mqtt.errors import AccountError
from hub.services import Services
from hub.web.adding.context import Adding
from hub.web.adding.enrolment import Remedy
from hub.web.ask import ask_replacement, ask_text, confirm, tell_secret
from hub.web.cards import empty
from hub.web.frame import frame, heading
from hub.web.page import page

__all__ = ["mount"]

_MINUTES = 15
_STATES = {
    AccountState.PENDING: N_("enrolled, not heard yet"),
    AccountState.ACTIVE: N_("active"),
    AccountState.DISABLED: N_("disabled"),
}


def mount(services: Services) -> None:
    """Add /access."""

    @page("/access")
    async def access(principal: Administrator) -> None:
        with frame(principal, _("Access to {tenant}", tenant=principal.tenant)):
            page = _Page(services, principal)
            await page.load()
            page.show()
            ui.timer(0, page.watch, once=True)


class _Page:
    """The accounts of a tenant."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._mqtt = services.mqtt
        self._principal = principal
        self._adding = Adding(services, principal)
        self._problem = ""
        self._names: dict[str, str] = {}
        self._shown: object = None

    async def watch(self) -> None:
        """Follow enrolments."""
        async with self._mqtt.gate.changed.subscribe() as changes:
            await self.again()  # what changed since it was loaded
            while await changes.changed():
                await self.again()

    async def load(self) -> None:
        """Ask for what is not at hand."""
        self._names = await self._services.naming.names(self._principal.tenant)

    async def again(self) -> None:
        """Show what is now, if it is anything else: a menu that is open would close."""
        await self.load()
        if self._state() != self._shown:
            self.show.refresh()

    def _state(self) -> object:
        window = self._mqtt.gate.window
        minutes = (window[0], round(window[1] / 60)) if window else None
        accounts = [
            (one, {kind: seen.count for kind, seen in self._mqtt.problems.of(one.device).items()})
            for one in self._mqtt.book.all()
            if one.tenant == self._principal.tenant
        ]
        return accounts, minutes, self._names, self._problem

    @ui.refreshable_method
    def show(self) -> None:
        """Build it; all at once, since whoever asks for it meanwhile would add to it."""
        self._shown = self._state()
        with ui.element("div").props('role="alert"'):
            if self._problem:
                ui.label(self._problem).classes("dm-bad")
        self._enrolment()
        accounts = [a for a in self._mqtt.book.all() if a.tenant == self._principal.tenant]
        heading(_("Devices"))
        devices = [account for account in accounts if not is_viewer(account.device)]
        for account in devices:
            self._account(account)
        if not devices:
            empty(
                "sensors",
                _("No device has an account yet"),
                _("A device gets its account when it is added."),
                _("Add device"),
                lambda: ui.navigate.to("/add"),
            )
        heading(_("Tools with read access"))
        ui.label(_("They read every device's topics at the broker, and write nothing.")).classes(
            "text-sm"
        )
        viewers = [account for account in accounts if is_viewer(account.device)]
        for account in viewers:
            self._account(account)
        if not viewers:
            empty(
                "visibility",
                _("No tool reads along yet"),
                _("New account… with a name such as viewer.grafana makes one."),
            )
        ui.button(_("New account…"), icon="add", on_click=self._new).props(
            "outline no-caps"
        ).classes("mt-4")

    def _enrolment(self) -> None:
        window = self._mqtt.gate.window
        with ui.row().classes("items-center"):
            if window is not None and window[0] == self._principal.tenant:
                minutes = max(1, round(window[1] / 60))
                ui.label(
                    _(
                        "New devices are approved automatically for {more_minutes}.",
                        more_minutes=ngettext("{n} more minute", "{n} more minutes", minutes),
                    )
                )
                ui.button(_("Stop"), on_click=self._mqtt.gate.close_window).props("outline no-caps")
            elif self._mqtt.gate.tenant() == self._principal.tenant:
                ui.label(_("New devices are approved automatically (DORMOUSE_ENROLMENT is open)."))
            elif window is None:
                ui.label(_("New devices need approval."))
                ui.button(
                    _("Approve new devices for {minutes} minutes", minutes=_MINUTES),
                    on_click=lambda: self._adding.open_window(_MINUTES),
                ).props("outline no-caps")
            else:
                ui.label(_("New devices go to another tenant for the next minutes."))
            ui.link(_("Add a device"), "/add")

    def _account(self, account: Account) -> None:
        device = account.device
        name = self._names.get(device)
        called = f"{name} ({device})" if name else device
        with ui.row().classes("items-center no-wrap w-full dm-line"):
            with ui.column().classes("gap-0 grow min-w-0"):
                ui.label(called).classes("font-medium break-words")
                firmware = (
                    _("firmware {firmware}", firmware=account.firmware) if account.firmware else ""
                )
                facts = [_(_STATES[account.state]), account.model, firmware]
                ui.label(", ".join(fact for fact in facts if fact)).classes("text-sm opacity-80")
                seen = self._mqtt.problems.of(device)
                if seen:
                    kinds = ", ".join(f"{kind} ({one.count})" for kind, one in seen.items())
                    problems = ngettext("{n} problem", "{n} problems", len(seen))
                    ui.label(f"{problems}: {kinds}").classes("text-sm dm-bad")
            with ui.button(icon="more_vert").props("flat round dense") as button, ui.menu():
                button.props.set_optional("aria-label", _("Actions for {called}", called=called))
                self._actions(account)

    def _actions(self, account: Account) -> None:
        device = account.device
        if account.state is AccountState.DISABLED:
            ui.menu_item(_("Enable"), lambda: self._enable(device))
        else:
            ui.menu_item(_("Disable"), lambda: self._disable(device))
        ui.menu_item(_("New password…"), lambda: self._rotate(device))
        if not is_viewer(device):
            ui.menu_item(_("Allow to enrol again"), lambda: self._renew(device))
            ui.menu_item(_("Replaced by…"), lambda: self._replace(device))
        ui.menu_item(_("Remove…"), lambda: self._remove(device))

    async def _enable(self, device: str) -> None:
        await self._do(device, lambda: self._adding.help(device, Remedy.ENABLE))

    async def _disable(self, device: str) -> None:
        await self._do(device, lambda: self._mqtt.book.set_state(device, AccountState.DISABLED))

    async def _renew(self, device: str) -> None:
        await self._do(device, lambda: self._adding.help(device, Remedy.RENEW))
        if not self._problem:
            ui.notify(
                _("{device} may enrol with another password within the next hour.", device=device)
            )

    async def _rotate(self, device: str) -> None:
        sure = await confirm(
            _("Give {device} a new password?", device=device),
            details=[
                _(
                    "It cannot connect until it has the new one: over its cable, or where it was "
                    "set."
                )
            ],
            yes=_("New password"),
        )
        made: list[str] = []

        async def rotate() -> None:
            made.append(await self._mqtt.book.rotate(device))

        if sure and await self._do(device, rotate):
            await tell_secret(_("The password of {device}", device=device), made[0])

    async def _replace(self, old: str) -> None:
        others = {
            account.device: self._names.get(account.device, account.device)
            for account in self._mqtt.book.all()
            if account.tenant == self._principal.tenant
            and account.device != old
            and not is_viewer(account.device)
        }
        if not others:
            self._problem = _("There is no other device that could take its place.")
            await self.again()
            return
        answer = await ask_replacement(old, others)
        if answer is not None:
            (new, keep), who = answer, self._principal.name
            replacement = self._services.replacement
            await self._do(old, lambda: replacement.replace(old, new, who, keep_calibration=keep))

    async def _remove(self, device: str) -> None:
        sure = await confirm(
            _("Remove the account of {device}?", device=device),
            details=[_("It can no longer connect; what it measured stays. It may enrol anew.")],
            yes=_("Remove"),
        )

        async def remove() -> None:
            await self._mqtt.book.remove(device)
            self._mqtt.problems.forget(device)

        if sure:
            await self._do(device, remove)

    async def _new(self) -> None:
        name = await ask_text(
            _("A new account"),
            _("Name: a device's id, or viewer.something for a tool"),
            yes=_("Create"),
        )
        if name is None:
            return
        made: list[str] = []

        async def provision() -> None:
            made.append(await self._mqtt.book.provision(name, self._principal.tenant))

        if await self._do(None, provision):
            await tell_secret(_("The password of {name}", name=name), made[0])

    async def _do(self, device: str | None, act: Callable[[], Awaitable[object]]) -> bool:
        """Do it and show what is now, or why not; whether it was done."""
        self._problem = ""
        try:
            if device is not None and self._mqtt.book.tenant(device) != self._principal.tenant:
                raise AccountError(_("there is no account {device} any more", device=device))
            await act()
        except HubError as error:
            self._problem = f"{error}."
        await self.again()
        return not self._problem
