"""Sites: places with a network of their own, and how their tunnels are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import context, ui

from contracts import qr
from contracts.zones import zoned
from hub.api.principal import Administrator, Principal
from hub.errors import HubError
from hub.services import Services
from hub.sites.model import MadeSite, NewSite, Site, TunnelState
from hub.sites.networks import networks
from hub.sites.service import SiteService
from hub.web.ask import confirm
from hub.web.frame import frame, heading
from hub.web.page import page
from hub.web.reloaded import Reloaded

__all__ = ["mount"]


def mount(services: Services) -> None:
    """Add /sites."""

    @page("/sites")
    async def sites(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, "Sites", zone):
            await _Page(services.sites, principal, zone).show()


class _Page:
    """The page's content; the list is shown anew when it changes."""

    def __init__(self, sites: SiteService, principal: Principal, zone: ZoneInfo) -> None:
        self._sites, self._principal, self._zone = sites, principal, zone

    async def show(self) -> None:
        ui.label(
            "A site is a place with a network of its own: a WireGuard tunnel joins its gateway "
            "and this hub (docs/sites.md)."
        )
        tenant = self._principal.tenant
        self._list = Reloaded(partial(self._sites.all, tenant), self._show_list)
        await self._list.refresh()
        heading("New site")
        self._form()

    def _show_list(self, sites: Sequence[tuple[Site, TunnelState]]) -> None:
        if not sites:
            ui.label("No sites yet.").classes("dm-soft")
            return
        with ui.element("ul").classes("dm-list"):
            for site, state in sites:
                with ui.element("li").classes("dm-row"):
                    self._row(site, state)

    def _row(self, site: Site, state: TunnelState) -> None:
        with ui.element("div").classes("dm-grow"):
            ui.label(site.title).classes("dm-strong")
            ui.label(f"tunnel {self._tunnel(state)}")
            ui.label(
                f"{site.name}: {', '.join(map(str, site.networks)) or 'no network'}; the hub is "
                f"{site.hub_address} on {site.interface}; made by {site.made_by}"
            ).classes("dm-soft")
            with ui.expansion("Keys and addresses").classes("w-full").props("dense"):
                ui.label(f"The hub's public key: {site.hub_key}").classes("break-all")
                ui.label(f"The site's public key: {site.site_key}").classes("break-all")
                ui.label(f"The site is {site.site_address} and finds the home at {site.endpoint}.")
                ui.label(f"Received {state.received} bytes, sent {state.sent}.")

        async def remove() -> None:
            details = ["Its devices are not reached any more. Its place and their history stay."]
            if not await confirm(f"Remove {site.name}?", details=details, yes="Remove"):
                return
            try:
                await self._sites.remove(self._principal.tenant, site.name)
                ui.notify(f"{site.name} is removed: take {site.interface} down on the hub, too.")
            except HubError as error:
                ui.notify(f"{error}.", type="negative")
            await self._list.refresh()

        button = ui.button("Remove", on_click=remove).props("flat no-caps color=negative")
        button.props["aria-label"] = f"Remove {site.name}"

    def _tunnel(self, state: TunnelState) -> str:
        if state.down_since is not None:
            return f"down since {zoned(state.down_since, self._zone)}"
        if state.handshake_at is not None:
            return f"{state.said}, last handshake {zoned(state.handshake_at, self._zone)}"
        return state.said

    def _form(self) -> None:
        name = _input("Name, such as beach", 30)
        network = _input("Its networks, such as 192.168.57.0/24", 300)
        place = _input("The place of its devices, such as Beach house", 100)
        endpoint = _input("Where it finds the home, such as home.example.org", 300)

        async def make() -> None:
            try:
                new = NewSite(
                    name=str(name.value or "").strip(),
                    networks=networks(
                        part for part in str(network.value or "").split(",") if part.strip()
                    ),
                    endpoint=str(endpoint.value or "").strip(),
                    place=tuple(
                        part.strip() for part in str(place.value or "").split("/") if part.strip()
                    ),
                )
                made = await self._sites.add(self._principal.tenant, new, self._principal.name)
            except HubError as error:
                ui.notify(f"{error}.", type="negative")
                return
            for one in (name, network, place, endpoint):
                one.value = ""
            await self._list.refresh()
            await _tell_files(made)

        ui.button("Create", on_click=make).props("no-caps unelevated")


def _input(label: str, longest: int) -> ui.input:
    return ui.input(label).props(f"dense outlined maxlength={longest}").classes("w-full")


async def _tell_files(made: MadeSite) -> None:
    """The files, this once: to be loaded, and the site's end as a code for a phone."""
    with context.client.content, ui.dialog().props("persistent") as dialog, ui.card() as card:
        card.classes("dm-dialog")
        dialog.props["aria-label"] = f"The files of {made.site.name}"
        heading(f"The files of {made.site.name}")
        ui.label("They hold private keys and are not shown again; the hub stores none of them.")
        for one in made.files:
            ui.label(f"{one.name}: {one.where}").classes("break-words")
            save = ui.button(
                f"Save {one.name}",
                on_click=partial(ui.download.content, one.text, one.name),
            )
            save.props("outline no-caps")
        heading("For a phone", 3)
        code = ui.image(qr.svg_uri(made.files[1].text)).style("width: 16rem; max-width: 100%")
        code.props(f'alt="The configuration of {made.site.name} for WireGuard\'s app"')
        with ui.row().classes("w-full justify-end"):
            ui.button("Done", on_click=lambda: dialog.submit(True)).props("no-caps")
    await dialog
    dialog.delete()
