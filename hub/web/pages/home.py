"""The home page: what is measured where, now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nicegui import background_tasks, context, ui
from nicegui.client import Client

from hub.api.principal import Principal, Reader
from hub.devices.glance import Glance, glance
from hub.explain.problems import DeviceProblem
from hub.live import Subscription
from hub.web.frame import frame
from hub.web.home.element import Home
from hub.web.home.feed import Feed
from hub.web.home.sentences import sentences
from hub.web.home.shared import Shared
from hub.web.home.view import name_of
from hub.web.pages import Link

if TYPE_CHECKING:
    from hub.web.site import Site

__all__ = ["LINK", "mount"]

LINK = Link("Home", "/", "home", 10)

# However many pages are open, problems are looked for so often.
_PROBLEMS_S = 2.0
_STYLE = '<link rel="stylesheet" href="/static/home.css">'


def mount(site: Site) -> None:
    """Add the page."""
    shared: Shared[list[DeviceProblem]] = Shared(_PROBLEMS_S)

    @ui.page("/")
    async def home(principal: Reader) -> None:
        feed = _feed(site, principal.tenant, shared)
        updates = site.services.live.subscribe(principal.tenant)
        # From before the first look at the database, so that nothing falls between the two.
        await updates.__aenter__()
        try:
            view = await feed.view()
            ui.add_head_html(_STYLE)
            with frame(principal, "Home"):
                element = Home(view)
                if not view["places"]:
                    _nothing_yet(principal)
        except BaseException:
            await updates.__aexit__()
            raise
        _run(context.client, feed, updates, element)


def _feed(site: Site, tenant: str, shared: Shared[list[DeviceProblem]]) -> Feed:
    titles: dict[str, str] = {}

    async def read() -> Glance:
        found = await glance(site.services.store.of(tenant))
        titles.update({device.device: name_of(device, names()) for device in found.devices})
        return found

    def names() -> Mapping[str, str]:
        bridge = site.services.bridges.running().get(tenant)
        return bridge.names() if bridge is not None else {}

    async def problems() -> Sequence[Mapping[str, Any]]:
        found = await shared.get(tenant, lambda: site.services.explainer.problems(tenant))
        odd = [one for one in await site.services.anomalies.all(tenant) if not one.muted]
        return sentences(found, odd, titles)

    return Feed(read, names, problems, site.services.supervisor)


def _run(client: Client, feed: Feed, updates: Subscription, element: Home) -> None:
    async def follow() -> None:
        try:
            await feed.run(updates, element.show, element.patch)
        finally:
            await updates.__aexit__()

    task = background_tasks.create(follow(), name="home page")
    client.on_delete(task.cancel)


def _nothing_yet(principal: Principal) -> None:
    ui.label("No device was heard yet.").classes("dm-soft")
    if principal.administers:
        ui.link("Add a device", "/add").classes("q-mt-sm")
