"""Accounts of devices and tools at the broker: approve, enable, disable, new passwords."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from nicegui import context, ui

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


@dataclass(frozen=True, slots=True)
class _Line:
    """What a line says of an account: a name ("": it has none), problems and how often."""

    account: Account
    name: str
    problems: Mapping[str, int]


class _Lines:
    """A list in which a line is made anew where it says something else, and no other is."""

    def __init__(self, build: Callable[[_Line], None]) -> None:
        self._build = build
        self._box = ui.element("div").classes("w-full")
        self._shown: dict[str, tuple[_Line, ui.element]] = {}

    def update(self, lines: Sequence[_Line]) -> None:
        """Show these, in this order."""
        for device in self._shown.keys() - {line.account.device for line in lines}:
            self._shown.pop(device)[1].delete()
        for at, line in enumerate(lines):
            device = line.account.device
            before, place = self._shown.get(device, (None, None))
            if place is None:
                with self._box:
                    place = ui.element("div").classes("w-full")
            if line != before:
                place.clear()
                with place:
                    self._build(line)
            self._shown[device] = line, place
            if self._box.default_slot.children[at] is not place:
                place.move(self._box, at)


class _Page:
    """The accounts of a tenant."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._mqtt = services.mqtt
        self._principal = principal
        self._adding = Adding(services, principal)
        self._problem = ""
        self._names: dict[str, str] = {}
        self._shown_window: object = None

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
        """Show what is now; lines of accounts that are as they were stay, open menus with them."""
        await self.load()
        self._alert()
        if self._window() != self._shown_window:
            self._enrolment.refresh()
        self._list()

    def _window(self) -> object:
        window = self._mqtt.gate.window
        return (window[0], round(window[1] / 60)) if window else None

    def show(self) -> None:
        """Build it."""
        # Where something is asked or told after a line was made anew: the menu's place is gone.
        self._ground = context.client.content
        with ui.element("div").props('role="alert"'):
            self._refusal = ui.label().classes("dm-bad")
        self._enrolment()
        heading(_("Devices"))
        self._devices = _Lines(self._account)
        with ui.element("div").classes("w-full") as self._no_device:
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
        self._viewers = _Lines(self._account)
        with ui.element("div").classes("w-full") as self._no_viewer:
            empty(
                "visibility",
                _("No tool reads along yet"),
                _("New account… with a name such as viewer.grafana makes one."),
            )
        ui.button(_("New account…"), icon="add", on_click=self._new).props(
            "outline no-caps"
        ).classes("mt-4")
        self._alert()
        self._list()

    def _alert(self) -> None:
        self._refusal.text = self._problem
        self._refusal.set_visibility(bool(self._problem))

    def _list(self) -> None:
        lines = [
            _Line(
                one,
                self._names.get(one.device, ""),
                {kind: seen.count for kind, seen in self._mqtt.problems.of(one.device).items()},
            )
            for one in self._mqtt.book.all()
            if one.tenant == self._principal.tenant
        ]
        viewers = [line for line in lines if is_viewer(line.account.device)]
        devices = [line for line in lines if not is_viewer(line.account.device)]
        self._devices.update(devices)
        self._viewers.update(viewers)
        self._no_device.set_visibility(not devices)
        self._no_viewer.set_visibility(not viewers)

    @ui.refreshable_method
    def _enrolment(self) -> None:
        self._shown_window = self._window()
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

    def _account(self, line: _Line) -> None:
        account, device = line.account, line.account.device
        called = f"{line.name} ({device})" if line.name else device
        with ui.row().classes("items-center no-wrap w-full dm-line"):
            with ui.column().classes("gap-0 grow min-w-0"):
                ui.label(called).classes("font-medium break-words")
                firmware = (
                    _("firmware {firmware}", firmware=account.firmware) if account.firmware else ""
                )
                facts = [_(_STATES[account.state]), account.model, firmware]
                ui.label(", ".join(fact for fact in facts if fact)).classes("text-sm opacity-80")
                if line.problems:
                    kinds = ", ".join(f"{kind} ({n})" for kind, n in line.problems.items())
                    problems = ngettext("{n} problem", "{n} problems", len(line.problems))
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
            told = _(
                "{device} may enrol with another password within the next hour.", device=device
            )
            with self._ground:
                ui.notify(told)

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
            with self._ground:
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
