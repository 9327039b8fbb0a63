"""The page of who is logged in: password, log-ins, colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.errors import HubError
from hub.people.passwords import MIN, TooBusyError
from hub.people.repository import OpenSession, login_name
from hub.web.frame import frame, heading
from hub.web.reloaded import Reloaded

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["mount"]


def mount(site: Site) -> None:
    """Add /account."""

    @ui.page("/account")
    async def account(principal: Reader) -> None:
        with frame(principal, "Account"):
            ui.label(f"You are {principal.name}, {principal.role} of {principal.tenant}.")
            await _Account(site, principal).show()


class _Account:
    """The page's content."""

    def __init__(self, site: Site, principal: Principal) -> None:
        self._site = site
        self._principal = principal

    async def show(self) -> None:
        heading("Password")
        self._password()
        heading("Where you are logged in")
        mine = partial(self._site.sessions.of, self._principal.person)
        self._sessions = Reloaded(mine, self._show_sessions)
        await self._sessions.refresh()
        with ui.element("div").classes("dm-row"):
            ui.button("Log out everywhere else", on_click=self._others).props("no-caps outline")
            ui.button("Log out everywhere", on_click=self._everywhere).props("no-caps outline")

    def _password(self) -> None:
        with ui.element("div").classes("dm-form"):
            old = _secret("The password now", "current-password")
            fresh = _secret(f"The new one, {MIN} characters or more", "new-password")
            again = _secret("The new one again", "new-password")

            async def change() -> None:
                wrong = await self._change(old.value or "", fresh.value or "", again.value or "")
                ui.notify(
                    wrong or "The password is changed; you are logged out everywhere else.",
                    type="negative" if wrong else "positive",
                )
                if not wrong:
                    for field in (old, fresh, again):
                        field.value = ""
                    await self._sessions.refresh()

            ui.button("Change the password", on_click=change).props("no-caps unelevated")

    async def _change(self, old: str, fresh: str, again: str) -> str | None:
        """What is wrong; None when it is done. Guessing is as slow here as at the log-in."""
        site, who = self._site, self._principal
        mine = f"session {who.session}"
        wait = site.attempts.acquire(mine, login_name(who.name), mine)
        if wait:
            return f"Too many attempts. Try again in {round(wait) + 1} seconds."
        if fresh != again:
            return "The two new passwords differ."
        found = await site.people.find(who.name)
        try:
            if found is None or not await site.passwords.matches(found.password, old[:500]):
                return "That is not the password now."
            await site.services.people.set_password(
                who.person, who.name, fresh, keep_session=who.session
            )
        except TooBusyError:
            return "The hub is busy with log-ins; try again shortly."
        except HubError as error:
            return str(error)
        site.attempts.forgive(mine, login_name(who.name), mine)
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
            since = f"{session.created_at:%d %B %Y}"
            ui.label(f"since {since}, last used {session.used_at:%d %B %Y}").classes("dm-soft")
        if not here:
            ui.button("Log out", on_click=partial(self._log_out, session)).props("flat no-caps")

    async def _log_out(self, session: OpenSession) -> None:
        await self._site.sessions.close_one(self._principal.person, session.id)
        await self._sessions.refresh()

    async def _others(self) -> None:
        await self._site.sessions.close_all(self._principal.person, keep=self._principal.session)
        ui.notify("You are logged out everywhere else.")
        await self._sessions.refresh()

    async def _everywhere(self) -> None:
        await self._site.sessions.close_all(self._principal.person)


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
    return f"{browser} on {system}" if system else browser or "something without a name"
