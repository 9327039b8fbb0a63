"""The home page: what is measured where, now."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from nicegui import ui

from hub.api.principal import Principal, Reader
from hub.devices.glance import Glance
from hub.errors import HubError
from hub.explain.problems import DeviceProblem
from hub.language.words import _, language
from hub.services import Services
from hub.web.following import following
from hub.web.frame import frame
from hub.web.home.element import Home
from hub.web.home.feed import HomeFeed
from hub.web.home.first_run import first_run
from hub.web.home.sentences import sentences
from hub.web.home.shared import Shared
from hub.web.home.view import name_of, usual_of
from hub.web.page import page

__all__ = ["mount"]

log = logging.getLogger(__name__)

# However many pages are open, problems are looked for so often.
_PROBLEMS_S = 2.0
# s: a half-hour's mean is a new one when it is over; the end of a line is drawn with each value.
_LINES_S = 600.0
# s: what is usual is learnt in the background, a while after the first page was opened.
_USUAL_S = 3.0
_STYLE = '<link rel="stylesheet" href="/static/home.css">'


def mount(services: Services) -> None:
    """Add the page."""
    shared: Shared[list[DeviceProblem]] = Shared(_PROBLEMS_S)

    @page("/")
    async def home(principal: Reader) -> None:
        feed = _feed(services, principal.tenant, shared)
        async with following(services.live.subscribe(principal.tenant), "home page") as follow:
            view = await feed.view()
            ui.add_head_html(_STYLE)
            zone = (await services.zones.of(principal.tenant)).zone
            with frame(principal, _("Home"), zone):
                element = Home(view, principal)
                lines = _Lines(services, principal.tenant, feed, element)
                element.on_kind(lines.choose)
                if principal.administers:
                    element.on_mute(partial(_mute, services, principal, feed, element))
                ui.timer(_LINES_S, lines.draw)
                ui.timer(_USUAL_S, lines.usual)
                with ui.element("div").classes("w-full") as beginning:
                    if not view["sections"]:
                        first_run(services, principal, zone.key)

            def show(shown: dict[str, Any]) -> None:
                element.show(shown)
                if shown["sections"]:
                    beginning.clear()

            follow(lambda updates: feed.run(updates, show, element.patch))


class _Lines:
    """The last day of each device, drawn when the page is there, and now and then."""

    def __init__(self, services: Services, tenant: str, feed: HomeFeed, element: Home) -> None:
        self._services, self._readings = services, services.readings.of(tenant)
        self._feed, self._element = feed, element
        self._kind, self._tenant, self._learnt = "", tenant, 0

    async def choose(self, kind: str) -> None:
        """Draw this from now on."""
        self._kind = kind
        await self.draw()

    async def draw(self) -> None:
        """Ask the database and draw; while it is away what was drawn stays."""
        kind = self._kind or self._feed.commonest()
        curves = self._feed.curves(kind)
        if not curves:
            return
        now = datetime.now(UTC)
        try:
            found = await self._readings.sparks(list(curves.values()), now)
        except HubError as error:  # the next time tries again
            log.info("the home page's lines wait: %s", error)
            return
        lines = {device: found[key] for device, key in curves.items() if key in found}
        known = self._services.anomalies.usual(self._tenant, curves.values())
        self._learnt = len(known)
        usual = {
            device: usual_of(known[key], now) for device, key in curves.items() if key in known
        }
        self._element.draw(kind, lines, usual)

    async def usual(self) -> None:
        """Draw again if more is known of what is usual."""
        curves = self._feed.curves(self._kind or self._feed.commonest())
        if len(self._services.anomalies.usual(self._tenant, curves.values())) > self._learnt:
            await self.draw()


async def _mute(  # noqa: PLR0917  # each says what is muted where
    services: Services, principal: Principal, feed: HomeFeed, element: Home, name: str, days: int
) -> None:
    """For so many days; 0: for good, -1: no more."""
    odd = await services.anomalies.find(principal.tenant, name)
    if odd is None:
        return  # it is over
    if days < 0:
        await services.anomalies.unmute(principal.tenant, odd)
    else:
        until = datetime.now(UTC) + timedelta(days=min(days, 365)) if days else None
        await services.anomalies.mute(principal.tenant, odd, until, principal.name)
    await feed.look(element.patch)


def _feed(services: Services, tenant: str, shared: Shared[list[DeviceProblem]]) -> HomeFeed:
    titles: dict[str, str] = {}

    async def read() -> Glance:
        glance = await services.devices.glance(tenant)
        titles.update({device.device: name_of(device, names()) for device in glance.devices})
        return glance

    def names() -> Mapping[str, str]:
        return services.homekit.names(tenant)

    async def problems() -> Sequence[Mapping[str, Any]]:
        of_devices = await shared.get(
            (tenant, language()), lambda: services.explainer.problems(tenant)
        )
        return sentences(of_devices, await services.anomalies.all(tenant), titles)

    return HomeFeed(read, names, problems, services.supervisor, tenant)
