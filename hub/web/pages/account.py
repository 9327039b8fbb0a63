"""The page of who is logged in: password, log-ins, colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from hub.api.principal import Principal, Reader
from hub.errors import HubError
from hub.language.words import LANGUAGES, _
from hub.people.passwords import MIN, TooBusyError
from hub.people.repository import OpenSession, login_name
from hub.people.service import PeopleService
from hub.services import Services
from hub.web.frame import frame, heading
from hub.web.page import page
from hub.web.reloaded import Reloaded

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /account."""

    @page("/account")
    async def account(principal: Reader) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Account"), zone):
            ui.label(
                _(
                    "You are {name}, {role} of {tenant}.",
                    name=principal.name,
                    role=principal.role,
                    tenant=principal.tenant,
                )
            )
            await _Account(services.people, principal, zone).show()
            _language(services.people, principal)


def _language(people: PeopleService, principal: Principal) -> None:
    """The language of all pages, kept for the person; the page is drawn anew in it."""

    async def read_in(event: ValueChangeEventArguments[str]) -> None:
        await people.sessions.read_in(principal.person, event.value or None)
        ui.navigate.reload()

    heading(_("Language"))
    choices = {"": _("As the browser asks"), **LANGUAGES}
    ui.select(
        choices, value=principal.language or "", label=_("Language"), on_change=read_in
    ).props("outlined dense").classes("dm-language")


class _Account:
    """The page's content."""

    def __init__(self, people: PeopleService, principal: Principal, zone: ZoneInfo) -> None:
        self._people, self._zone = people, zone
        self._principal = principal

    async def show(self) -> None:
        heading(_("Password"))
        self._password()
        heading(_("Where you are logged in"))
        sessions_of = self._people.sessions.of
        self._sessions = Reloaded(partial(sessions_of, self._principal.person), self._show_sessions)
        await self._sessions.refresh()
        with ui.element("div").classes("dm-row"):
            ui.button(_("Log out everywhere else"), on_click=self._others).props("no-caps outline")
            ui.button(_("Log out everywhere"), on_click=self._everywhere).props("no-caps outline")

    def _password(self) -> None:
        with ui.element("div").classes("dm-form"):
            old = _secret(_("Current password"), "current-password")
            fresh = _secret(_("New password, {n} characters or more", n=MIN), "new-password")
            again = _secret(_("New password again"), "new-password")

            async def change() -> None:
                wrong = await self._change(old.value or "", fresh.value or "", again.value or "")
                ui.notify(
                    wrong or _("The password is changed; you are logged out everywhere else."),
                    type="negative" if wrong else "positive",
                )
                if not wrong:
                    for field in (old, fresh, again):
                        field.value = ""
                    await self._sessions.refresh()

            ui.button(_("Change the password"), on_click=change).props("no-caps unelevated")

    async def _change(self, old: str, fresh: str, again: str) -> str | None:
        """What is wrong; None when it is done. Guessing is as slow here as at the log-in."""
        people, principal = self._people, self._principal
        browser = f"session {principal.session}"
        wait = people.attempts.acquire(browser, login_name(principal.name), browser)
        if wait:
            return _("Too many attempts. Try again in {wait} seconds.", wait=round(wait) + 1)
        if fresh != again:
            return _("The two new passwords differ.")
        try:
            if await people.verified(principal.name, old[:500]) is None:
                return _("The current password is wrong.")
            await people.set_password(
                principal.person, principal.name, fresh, stay=principal.session
            )
        except TooBusyError:
            return _("The hub is busy with log-ins; try again shortly.")
        except HubError as error:
            return str(error)
        people.attempts.forgive(browser, login_name(principal.name), browser)
        return None

    def _show_sessions(self, sessions: Sequence[OpenSession]) -> None:
        with ui.element("ul").classes("dm-list"):
            for session in sessions:
                with ui.element("li").classes("dm-row"):
                    self._session(session)

    def _session(self, session: OpenSession) -> None:
        here = session.id == self._principal.session
        with ui.element("div").classes("dm-grow"):
            ui.label(_browser(session.agent) + (" (here)" if here else "")).classes("dm-strong")
            since, used = (
                f"{instant.astimezone(self._zone):%d %B %Y}"
                for instant in (session.created_at, session.used_at)
            )
            ui.label(_("since {since}, last used {used}", since=since, used=used)).classes(
                "dm-soft"
            )
        if not here:
            ui.button(_("Log out"), on_click=partial(self._log_out, session)).props("flat no-caps")

    async def _log_out(self, session: OpenSession) -> None:
        await self._people.sessions.close_one(self._principal.person, session.id)
        await self._sessions.refresh()

    async def _others(self) -> None:
        await self._people.sessions.close_all(self._principal.person, keep=self._principal.session)
        ui.notify(_("You are logged out everywhere else."))
        await self._sessions.refresh()

    async def _everywhere(self) -> None:
        await self._people.sessions.close_all(self._principal.person)


def _secret(label: str, autocomplete: str) -> ui.input:
    return ui.input(label, password=True).props(
        f'outlined dense autocomplete="{autocomplete}" maxlength=200'
    )


_BROWSERS = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Mac OS": "macOS",
    "Windows": "Windows",
    "Linux": "Linux",
}


def _browser(agent: str) -> str:
    """What a browser calls itself, in two words; each names its forerunners after itself."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), agent[:40])
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), None)
    return f"{browser} on {system}" if system else browser or _("an unknown browser")
