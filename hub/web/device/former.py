"""The page of an id that a device had until another took its place: what it was in its time."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.words import _
from hub.live import LiveChange
from hub.services import Services
from hub.web.adding.context import paths
from hub.web.ask import ask_move
from hub.web.device.moves import listed
from hub.web.device.past import PastPanel
from hub.web.frame import heading

__all__ = ["FormerPage", "successor"]

Successor = tuple[str, datetime]
"""Which device took the place of another, and when."""


async def successor(services: Services, principal: Principal, device: str) -> Successor | None:
    """What an id that no device has any more was replaced by; None for any other id."""
    return await services.devices.replaced(principal.tenant, device, datetime.now(UTC))


class FormerPage:
    """Where it was, what was known of it, and a way to tell of moves of its time."""

    def __init__(
        self, services: Services, principal: Principal, device: str, by: Successor, zone: ZoneInfo
    ) -> None:
        self._services, self._principal, self._device = services, principal, device
        self._by, self._zone = by, zone

    async def build(self) -> None:
        """Make all of it."""
        by, at = self._by
        ui.label(
            _(
                "{device} was replaced at {at}. What came after is told of",
                device=self._device,
                at=zoned(at, self._zone),
            )
        )
        ui.link(by, f"/devices/{quote(by, safe='')}")
        with ui.element("section").props(f'aria-label="{_("History")}"'):
            heading(_("History"))
            past = PastPanel(
                self._services.devices, self._principal.tenant, self._device, self._zone
            )
            await past.build()
            await self._where()
            if self._principal.administers:
                ui.button(_("It was elsewhere"), on_click=self._ask).props("no-caps flat")
                self._status = ui.label().classes("dm-bad").props('aria-live="polite"')

    @ui.refreshable_method
    async def _where(self) -> None:
        stays = await self._services.devices.stays(self._principal.tenant, self._device)
        with ui.element("ul").classes("dm-where"):
            for line in listed(stays, self._zone):
                with ui.element("li"):
                    ui.label(line)

    async def _ask(self) -> None:
        tenant, devices = self._principal.tenant, self._services.devices
        tree = await self._services.places.tree(tenant)
        options = {0: _("In no place")} | {place.id: place.path for place in paths(tree)}
        try:
            answer = await ask_move(
                _("Move {device}", device=self._device), options, value=0, zone=self._zone
            )
            if answer is None:
                return
            place, since = answer
            now = await devices.put(
                tenant, self._device, place or None, self._principal.name, since=since
            )
        except HubError as error:
            self._status.text = f"{error}."
            return
        self._status.text = ""
        self._services.live.publish(tenant, LiveChange("device", now))
        await self._where.refresh()
