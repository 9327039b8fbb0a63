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
from hub.language.words import N_, _
from hub.services import Services
from hub.tokens.repository import Token
from hub.tokens.service import TokenService
from hub.web.ask import confirm, tell_secret
from hub.web.cards import empty
from hub.web.frame import frame, heading
from hub.web.page import page
from hub.web.reloaded import Reloaded

__all__ = ["mount"]

_SCOPES = {
    Scope.READ: N_("read devices, readings, live values"),
    Scope.WRITE: N_("change names, places, calibrations, settings"),
    Scope.COMMAND: N_("send commands to devices"),
    Scope.UPDATE: N_("add firmware and roll it out"),
    Scope.METRICS: N_("scrape /metrics (Prometheus)"),
    Scope.ADMIN: N_("all of these, and create tokens"),
}
_LASTING = {30: N_("a month"), 365: N_("a year"), 0: N_("until it is revoked")}


def mount(services: Services) -> None:
    """Add /tokens."""

    @page("/tokens")
    async def tokens(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, _("Tokens"), zone):
            await _Page(services.tokens, principal, zone).show()


class _Page:
    """The page's content; the list is shown anew when it changes."""

    def __init__(self, tokens: TokenService, principal: Principal, zone: ZoneInfo) -> None:
        self._tokens, self._principal, self._zone = tokens, principal, zone

    async def show(self) -> None:
        ui.label(
            _(
                "A program that has a token may use the API of {tenant} (docs/api.md) "
                "without anybody's password.",
                tenant=self._principal.tenant,
            )
        )
        self._list = Reloaded(partial(self._tokens.all, self._principal.tenant), self._show_list)
        await self._list.refresh()
        heading(_("New token"))
        self._form()

    def _show_list(self, tokens: Sequence[Token]) -> None:
        if not tokens:
            why = _("A program with a token uses the API without anybody's password.")
            empty("key", _("No tokens yet"), why)
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
                _(
                    "made by {made_by}; {used}; {ends}",
                    made_by=token.made_by,
                    used=_used(token, self._zone),
                    ends=_ends(token, self._zone),
                )
            ).classes("dm-soft")

        async def end() -> None:
            question = _("The program that uses it loses access at once.")
            if not await confirm(
                _("Revoke {name}?", name=token.name), details=[question], yes=_("Revoke")
            ):
                return
            try:
                await self._tokens.revoke(self._principal.tenant, token.id)
                ui.notify(_("{name} is revoked.", name=token.name))
            except HubError as error:
                ui.notify(f"{error}.", type="negative")
            await self._list.refresh()

        button = ui.button(_("Revoke"), on_click=end).props("flat no-caps color=negative")
        button.props["aria-label"] = _("Revoke {name}", name=token.name)

    def _form(self) -> None:
        name = ui.input(_("What it is for")).props("dense outlined maxlength=100")
        heading(_("Permissions"), 3)
        with (
            ui.element("div")
            .props(f'role="group" aria-label="{_("What it may do")}"')
            .classes("column")
        ):
            boxes = {scope: _box(scope, _(text)) for scope, text in _SCOPES.items()}
        lasting = ui.select(
            {days: _(text) for days, text in _LASTING.items()},
            value=365,
            label=_("How long it lasts"),
        )
        lasting.props("dense outlined options-dense").classes("w-full")

        async def make() -> None:
            scopes = {scope for scope, box in boxes.items() if box.value}
            called = str(name.value or "").strip()
            if not called or not scopes:
                ui.notify(
                    _("Say what it is for, and at least one thing it may do."), type="warning"
                )
                return
            days = int(lasting.value or 0)
            expires = datetime.now(UTC) + timedelta(days=days) if days else None
            tenant, by = self._principal.tenant, self._principal.name
            try:
                _made, text = await self._tokens.make(tenant, called[:100], scopes, by, expires)
            except HubError as error:
                ui.notify(f"{error}.", type="negative")
                return
            name.value = ""
            await self._list.refresh()
            await tell_secret(_("The token"), text)

        ui.button(_("Create"), on_click=make).props("no-caps unelevated")


def _box(scope: Scope, text: str) -> ui.checkbox:
    box = ui.checkbox(text, value=scope is Scope.READ)
    box.props["aria-label"] = text
    return box


def _used(token: Token, zone: ZoneInfo) -> str:
    if token.used_at is None:
        return _("never used")
    return _("last used {used_at}", used_at=zoned(token.used_at, zone))


def _ends(token: Token, zone: ZoneInfo) -> str:
    if token.expires_at is None:
        return _("no expiry")
    over = token.expires_at <= datetime.now(UTC)
    at = zoned(token.expires_at, zone)
    return _("ended {at}", at=at) if over else _("ends {at}", at=at)
