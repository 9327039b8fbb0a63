"""The frame of every page: header, menu, tenant, colours, log-out, and a place for its content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from nicegui import context, ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import ValueChangeEventArguments
from starlette.requests import Request

from hub.api.principal import Principal
from hub.errors import HubError
from hub.web.menu import MENU
from hub.web.plain import theme
from hub.web.scope import services_of

__all__ = ["frame", "heading"]

_DARK = {"light": False, "dark": True, "auto": None}

_HEAD = """
<link rel="stylesheet" href="/static/utilities.css">
<link rel="stylesheet" href="/static/dormouse.css">
<script defer src="/static/frame.js"></script>
"""


@contextmanager
def frame(principal: Principal, title: str, zone: ZoneInfo | None = None) -> Iterator[None]:
    """A page with its title as heading; what the block makes is its content.

    `zone` is that of all times on it, said once; None: the page has none.
    """
    request = context.client.request
    ui.page_title(f"{title} · Dormouse")
    ui.on_exception(_tell)
    ui.add_head_html(_HEAD)
    ui.colors(primary="#7a4a1d", secondary="#4d6b57", accent="#9c5b16")
    ui.dark_mode(_DARK[theme(request)])
    _header(principal, request)
    with ui.element("div").props('id="content" tabindex="-1"').classes("dm-content"):
        heading(title, 1)
        if zone is not None:
            ui.add_head_html(f'<meta name="dormouse-zone" content="{zone.key}">')
            ui.label(f"Times are those of {zone.key}.").classes("dm-soft").props(
                'data-testid="zone"'
            )
        yield


def _tell(error: Exception) -> None:
    """Say what a button's work ran into; its cause is in the hub's log."""
    known = isinstance(error, HubError)
    text = f"{str(error).rstrip('.')}." if known else "That did not work; the hub's log says why."
    ui.notify(text, type="negative")


def heading(text: str, level: int = 2) -> TextElement:
    """A heading of the page's outline: 2 for its parts, 3 within those."""
    return TextElement(tag=f"h{level}", text=text)


def _header(principal: Principal, request: Request) -> None:
    menu = [
        one
        for one in MENU
        if (principal.administers or not one.administrators_only)
        and (len(principal.tenants) > 1 or not one.several_tenants)
    ]
    with (
        ui.left_drawer(value=None, elevated=False)
        .props("width=220 breakpoint=1023 show-if-above no-swipe-open")
        .classes("dm-menu") as drawer,
        ui.element("nav").props('aria-label="Main"'),
    ):
        for entry in menu:
            here = request.url.path == entry.path
            with (
                ui.link(target=entry.path)
                .classes("dm-link")
                .props('aria-current="page"' if here else "")
            ):
                ui.icon(entry.icon).props('aria-hidden="true"')
                ui.label(entry.title)
    with ui.header(elevated=False).classes("dm-header"):
        ui.link("Skip to content", "#content").classes("dm-skip")
        ui.button(icon="menu", color=None, on_click=drawer.toggle).props(
            'flat round dense aria-label="Menu"'
        ).classes("dm-menu-button")
        with ui.link(target="/").classes("dm-brand"):
            ui.label("Dormouse")
        ui.space()
        _tenants(principal, request)
        _account(principal)


def _tenants(principal: Principal, request: Request) -> None:
    """The tenant looked at; a choice where there are several."""
    if len(principal.tenants) < 2:
        ui.label(principal.tenant).classes("dm-tenant")
        return
    sessions = services_of(request).people.sessions

    async def change(event: ValueChangeEventArguments[str]) -> None:
        if await sessions.look_at(principal, str(event.value)):
            ui.navigate.to("/")

    ui.select(list(principal.tenants), value=principal.tenant, on_change=change).props(
        'dense options-dense borderless aria-label="Tenant"'
    ).classes("dm-tenant")


def _account(principal: Principal) -> None:
    with (
        ui.button(icon="account_circle", color=None).props('flat round dense aria-label="Account"'),
        ui.menu(),
    ):
        ui.menu_item(principal.name, lambda: ui.navigate.to("/account"))
        ui.separator()
        for name, label in (
            ("auto", "System colours"),
            ("light", "Light"),
            ("dark", "Dark"),
        ):
            ui.menu_item(label).on("click", js_handler=f"() => window.dormouse.theme('{name}')")
        ui.separator()
        ui.menu_item("Log out").on("click", js_handler="() => window.dormouse.logout()")
