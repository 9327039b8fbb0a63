"""The home page: what is measured where, now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import background_tasks, context, ui
from nicegui.client import Client

from hub.api.principal import Principal, Reader
from hub.devices.glance import Glance
from hub.explain.problems import DeviceProblem
from hub.live import Subscription
from hub.services import Services
from hub.web.frame import frame
from hub.web.home.element import Home
from hub.web.home.feed import HomeFeed
from hub.web.home.sentences import sentences
from hub.web.home.shared import Shared
from hub.web.home.view import name_of

__all__ = ["mount"]

# However many pages are open, problems are looked for so often.
_PROBLEMS_S = 2.0
_STYLE = '<link rel="stylesheet" href="/static/home.css">'


def mount(services: Services) -> None:
    """Add the page."""
    shared: Shared[list[DeviceProblem]] = Shared(_PROBLEMS_S)

    @ui.page("/")
    async def home(principal: Reader) -> None:
        feed = _feed(services, principal.tenant, shared)
        updates = services.live.subscribe(principal.tenant)
        # From before the first look at the database, so that nothing falls between the two.
        await updates.__aenter__()
        try:
            view = await feed.view()
            ui.add_head_html(_STYLE)
            zone = (await services.zones.of(principal.tenant)).zone
            with frame(principal, "Home", zone):
                element = Home(view)
                if not view["places"]:
                    _nothing_yet(principal)
        except BaseException:
            await updates.__aexit__()
            raise
        _run(context.client, feed, updates, element)


def _feed(services: Services, tenant: str, shared: Shared[list[DeviceProblem]]) -> HomeFeed:
    titles: dict[str, str] = {}

    async def read() -> Glance:
        glance = await services.devices.glance(tenant)
        titles.update({device.device: name_of(device, names()) for device in glance.devices})
        return glance

    def names() -> Mapping[str, str]:
        bridge = services.bridges.running().get(tenant)
        return bridge.names() if bridge is not None else {}

    async def problems() -> Sequence[Mapping[str, Any]]:
        of_devices = await shared.get(tenant, lambda: services.explainer.problems(tenant))
        odd = [one for one in await services.anomalies.all(tenant) if not one.muted]
        return sentences(of_devices, odd, titles)

    return HomeFeed(read, names, problems, services.supervisor)


def _run(client: Client, feed: HomeFeed, updates: Subscription, element: Home) -> None:
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
