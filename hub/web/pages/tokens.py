"""Tokens: how programs come in, what each may do, and when it last did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.api.principal import Administrator, Principal
from hub.api.scope import Scope
from hub.errors import HubError
from hub.services import Services
from hub.tokens.repository import Token
from hub.tokens.service import TokenService
from hub.web.ask import confirm, tell_secret
from hub.web.frame import frame, heading
from hub.web.page import page
from hub.web.reloaded import Reloaded

__all__ = ["mount"]

_SCOPES = {
    Scope.READ: "read devices, readings, live values",
    Scope.WRITE: "change names, places, calibrations, settings",
    Scope.COMMAND: "send commands to devices",
    Scope.UPDATE: "add firmware and roll it out",
    Scope.METRICS: "scrape /metrics (Prometheus)",
    Scope.ADMIN: "all of these, and create tokens",
}
_LASTING = {30: "a month", 365: "a year", 0: "until it is revoked"}


def mount(services: Services) -> None:
    """Add /tokens."""

    @page("/tokens")
    async def tokens(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, "Tokens", zone):
            await _Page(services.tokens, principal, zone).show()


class _Page:
    """The page's content; the list is shown anew when it changes."""

    def __init__(self, tokens: TokenService, principal: Principal, zone: ZoneInfo) -> None:
        self._tokens, self._principal, self._zone = tokens, principal, zone

    async def show(self) -> None:
        ui.label(
            f"A program that has a token may use the API of {self._principal.tenant} "
            "(docs/api.md) without anybody's password."
        )
        self._list = Reloaded(partial(self._tokens.all, self._principal.tenant), self._show_list)
        await self._list.refresh()
        heading("New token")
        self._form()

    def _show_list(self, tokens: Sequence[Token]) -> None:
        if not tokens:
            ui.label("No tokens yet.").classes("dm-soft")
            return
        with ui.element("ul").classes("dm-list"):
            for token in tokens:
                with ui.element("li").classes("dm-row"):
                    self._row(token)

    def _row(self, token: Token) -> None:
        with ui.element("div").classes("dm-grow"):
            ui.label(token.name).classes("dm-strong")
            ui.label(", ".join(sorted(token.scopes)))
            ui.label(
                f"made by {token.made_by}; {_used(token, self._zone)}; {_ends(token, self._zone)}"
            ).classes("dm-soft")

        async def end() -> None:
            question = "The program that uses it loses access at once."
            if not await confirm(f"Revoke {token.name}?", details=[question], yes="Revoke"):
                return
            try:
                await self._tokens.revoke(self._principal.tenant, token.id)
                ui.notify(f"{token.name} is revoked.")
            except HubError as error:
                ui.notify(f"{error}.", type="negative")
            await self._list.refresh()

        button = ui.button("Revoke", on_click=end).props("flat no-caps color=negative")
        button.props["aria-label"] = f"Revoke {token.name}"

    def _form(self) -> None:
        name = ui.input("What it is for").props("dense outlined maxlength=100")
        heading("Permissions", 3)
        with ui.element("div").props('role="group" aria-label="What it may do"').classes("column"):
            boxes = {scope: _box(scope, text) for scope, text in _SCOPES.items()}
        lasting = ui.select(_LASTING, value=365, label="How long it lasts")
        lasting.props("dense outlined options-dense").classes("w-full")

        async def make() -> None:
            scopes = {scope for scope, box in boxes.items() if box.value}
            called = str(name.value or "").strip()
            if not called or not scopes:
                ui.notify("Say what it is for, and at least one thing it may do.", type="warning")
                return
            days = int(lasting.value or 0)
            expires = datetime.now(UTC) + timedelta(days=days) if days else None
            tenant, by = self._principal.tenant, self._principal.name
            try:
                _, text = await self._tokens.make(tenant, called[:100], scopes, by, expires)
            except HubError as error:
                ui.notify(f"{error}.", type="negative")
                return
            name.value = ""
            await self._list.refresh()
            await tell_secret("The token", text)

        ui.button("Create", on_click=make).props("no-caps unelevated")


def _box(scope: Scope, text: str) -> ui.checkbox:
    box = ui.checkbox(text, value=scope is Scope.READ)
    box.props["aria-label"] = text
    return box


def _used(token: Token, zone: ZoneInfo) -> str:
    if token.used_at is None:
        return "never used"
    return f"last used {zoned(token.used_at, zone)}"


def _ends(token: Token, zone: ZoneInfo) -> str:
    if token.expires_at is None:
        return "no expiry"
    over = token.expires_at <= datetime.now(UTC)
    return f"{'ended' if over else 'ends'} {zoned(token.expires_at, zone)}"
