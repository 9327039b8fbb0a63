"""The frame of every page: header, menu, tenant, colours, log-out, and a place for its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from nicegui import context, ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import ValueChangeEventArguments
from starlette.requests import Request

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.words import _
from hub.web.menu import MenuEntry, menu_of
from hub.web.plain import theme, words_script
from hub.web.scope import services_of

__all__ = ["frame", "heading", "told_zone"]

# No tenant is called so: names of tenants have no spaces at their ends.
_EVERY = " all "
_DARK = {"light": False, "dark": True, "auto": None}

_HEAD = """
<link rel="stylesheet" href="/static/utilities.css">
<link rel="stylesheet" href="/static/dormouse.css">
<link rel="icon" href="/static/icon.svg">
<link rel="apple-touch-icon" href="/static/icon-180.png">
<link rel="manifest" href="/static/manifest.webmanifest" crossorigin="use-credentials">
<meta name="theme-color" content="#faf7f2" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#191512" media="(prefers-color-scheme: dark)">
<script defer src="/static/frame.js"></script>
<script defer src="/static/find.js"></script>
<script defer src="/static/shortcuts.js"></script>
"""
# Before the other scripts.
_WORDS = '<script defer src="{}"></script>'
# The list is filled by find.js from /find, as text.
_FIND = """
<i class="q-icon material-icons" aria-hidden="true">search</i>
<input type="search" role="combobox" aria-label="{find}" aria-expanded="false"
       aria-controls="dm-found" aria-autocomplete="list" autocomplete="off" spellcheck="false"
       maxlength="100" placeholder="{find}">
<kbd aria-hidden="true">/</kbd>
<ul id="dm-found" class="dm-found" role="listbox" aria-label="{found}" hidden></ul>
"""


@contextmanager
def frame(
    principal: Principal,
    title: str,
    zone: ZoneInfo | None = None,
    head: Callable[[], object] | None = None,
) -> Iterator[None]:
    """A page with its title as heading; what the block makes is its content.

    `zone` is that of all times on it, said once; None: the page has none. `head` makes heading and
    zone itself, with what stands around them.
    """
    request = context.client.request
    ui.page_title(f"{title} · Dormouse")
    ui.on_exception(_tell)
    ui.add_head_html(_WORDS.format(script) + _HEAD if (script := words_script()) else _HEAD)
    ui.colors(primary="#7a4a1d", secondary="#4d6b57", accent="#9c5b16")
    ui.dark_mode(_DARK[theme(request)])
    _header(principal, request)
    with ui.element("div").props('id="content" tabindex="-1"').classes("dm-content"):
        if zone is not None:
            ui.add_head_html(f'<meta name="dormouse-zone" content="{zone.key}">')
        if head is not None:
            head()
        else:
            heading(title, 1)
            if zone is not None:
                told_zone(zone)
        yield


def told_zone(zone: ZoneInfo) -> None:
    """Whose clock the page's times are told by."""
    ui.label(_("Times are those of {zone}.", zone=zone.key)).classes("dm-soft").props(
        'data-testid="zone"'
    )


def _tell(error: Exception) -> None:
    """Say what a button's work ran into; its cause is in the hub's log."""
    if isinstance(error, TimeoutError) and "JavaScript" in str(error):
        return  # NiceGUI asked a slow browser something of its own: nothing failed
    known = isinstance(error, HubError)
    text = (
        f"{str(error).rstrip('.')}." if known else _("That did not work; the hub's log says why.")
    )
    ui.notify(text, type="negative")


def heading(text: str, level: int = 2) -> TextElement:
    """A heading of the page's outline: 2 for its parts, 3 within those."""
    return TextElement(tag=f"h{level}", text=text)


def _header(principal: Principal, request: Request) -> None:
    entries = list(menu_of(principal))
    with (
        ui.left_drawer(value=None, elevated=False)
        .props("width=208 breakpoint=1023 show-if-above no-swipe-open")
        .classes("dm-menu") as drawer,
        ui.element("nav").props(f'aria-label="{_("Main")}"'),
    ):
        for entry in entries:
            if entry.setting and not entries[entries.index(entry) - 1].setting:
                heading(_("Settings"))
            with _entry(entry, request).classes("dm-link"):
                ui.icon(entry.icon).props('aria-hidden="true"')
                ui.label(_(entry.title))
    with ui.element("nav").props(f'aria-label="{_("Tabs")}"').classes("dm-tabs"):
        for entry in entries:
            if not entry.setting:
                with _entry(entry, request):
                    ui.icon(entry.icon).props('aria-hidden="true"')
                    ui.label(_(entry.title))
        with ui.element("button").props('type="button"').on("click", drawer.toggle):
            ui.icon("menu").props('aria-hidden="true"')
            ui.label(_("More"))
    with ui.header(elevated=False).classes("dm-header"):
        ui.link(_("Skip to content"), "#content").classes("dm-skip")
        with ui.link(target="/").classes("dm-brand").props('aria-label="Dormouse"'):
            ui.html('<img src="/static/icon.svg" alt="" width="28" height="28">', sanitize=False)
            ui.html("Dormouse", sanitize=False, tag="span")
        _tenants(principal, request)
        ui.html(_find(), sanitize=False).classes("dm-find").props('role="search"')
        ui.button(icon="search", color=None).props(
            f'flat round dense aria-label="{_("Find")}"'
        ).classes("dm-find-open").on("click", js_handler="() => window.dormouse.find()")
        if principal.administers:
            with ui.link(target="/add").classes("dm-add"):
                ui.icon("add").props('aria-hidden="true"')
                ui.label(_("Add device"))
        _account(principal)


def _find() -> str:
    return _FIND.format(find=_("Find a room or device"), found=_("Found"))


def _entry(entry: MenuEntry, request: Request) -> ui.link:
    here = request.url.path
    current = "page" if here == entry.path else "true" if entry.holds(here) else ""
    return ui.link(target=entry.path).props(f'aria-current="{current}"' if current else "")


def _tenants(principal: Principal, request: Request) -> None:
    """The tenant looked at; a choice where there are several."""
    if len(principal.tenants) < 2:
        ui.label(principal.tenant).classes("dm-tenant")
        return
    sessions = services_of(request).people.sessions

    async def change(event: ValueChangeEventArguments[str]) -> None:
        if event.value == _EVERY:
            ui.navigate.to("/everywhere")
        elif await sessions.look_at(principal, str(event.value)):
            ui.navigate.to("/")

    choices = {**{one: one for one in principal.tenants}, _EVERY: _("All tenants")}
    ui.select(choices, value=principal.tenant, on_change=change).props(
        f'dense options-dense borderless aria-label="{_("Tenant")}"'
    ).classes("dm-tenant")


def _account(principal: Principal) -> None:
    with (
        ui.button(color=None).props(f'flat round dense aria-label="{_("Account")}"') as button,
        ui.menu(),
    ):
        ui.menu_item(principal.name, lambda: ui.navigate.to("/account"))
        ui.separator()
        for name, label in (
            ("auto", _("System colours")),
            ("light", _("Light")),
            ("dark", _("Dark")),
        ):
            ui.menu_item(label).on("click", js_handler=f"() => window.dormouse.theme('{name}')")
        ui.separator()
        ui.menu_item(_("Keyboard shortcuts")).on(
            "click", js_handler="() => window.dormouse.shortcuts()"
        )
        ui.menu_item(_("Log out")).on("click", js_handler="() => window.dormouse.logout()")
    with button:
        ui.label(initials(principal.name)).classes("dm-avatar").props('aria-hidden="true"')


def initials(name: str) -> str:
    """A person in one or two letters."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()
