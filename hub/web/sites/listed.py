"""The card Sites: each with how its tunnel is; shown, added and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from hub.api.principal import Principal
from hub.errors import HubError
from hub.language.times import when
from hub.services import Services
from hub.sites.model import Site, TunnelState
from hub.web.ask import asked, confirm
from hub.web.cards import card, empty, mark, small_button, what
from hub.web.reloaded import Reloaded
from hub.web.sites.added import ask_site, tell_files

__all__ = ["SitesCard"]

_MARKS = {
    "up": ("check", "ok"), "down": ("error_outline", "bad"), "never up": ("schedule", "warn"),
    "not known": ("help_outline", "warn"),
}  # fmt: skip
_NOT_SEEN = {
    "never up": "tunnel never up: set up both ends with its files",
    "not known": "tunnel not known: this hub may not ask WireGuard, or its end is not set up",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """What is shown of a site; equal as long as nothing else is to be shown."""

    name: str
    title: str
    state: str
    told: str
    networks: str


class SitesCard:
    """The sites of the principal's tenant."""

    def __init__(self, services: Services, principal: Principal, zone: ZoneInfo) -> None:
        self._services, self._sites = services, services.sites
        self._principal, self._zone = principal, zone

    async def show(self) -> None:
        """Build it."""
        with card("Sites") as head:
            self._list = Reloaded(self._load, self._show_list, only_changed=True)
        with head:
            small_button("Add a site", "Add a site", self._add, icon="add")
        await self._list.refresh()

    async def again(self) -> None:
        """Show what is now, if it is anything else."""
        await self._list.refresh()

    async def _load(self) -> list[_Row]:
        tenant, now = self._principal.tenant, datetime.now(UTC)
        found = await self._sites.all(tenant)
        down = {}
        if any(state.down_since for _, state in found):
            told = await self._services.explainer.tunnels_down(tenant, now=now, zone=self._zone)
            down = {site.name: text for site, text in told}
        return [
            _Row(
                site.name, site.title, state.said,
                down.get(site.name) or self._tunnel(state),
                f"{site.name}: {', '.join(map(str, site.networks)) or 'no network'}; the hub is "
                f"{site.hub_address} on {site.interface}; made by {site.made_by}",
            )
            for site, state in found
        ]  # fmt: skip

    def _show_list(self, rows: Sequence[_Row]) -> None:
        if not rows:
            empty(
                "hub", "No sites yet",
                "A beach house, a school, a barn: its sensors reach this hub through a tunnel.",
            )  # fmt: skip
            return
        with ui.element("ul").classes("dm-items"):
            for row in rows:
                with ui.element("li"):
                    icon, state = _MARKS[row.state]
                    mark(icon, state)
                    what(row.title, f"{row.told[:1].upper()}{row.told[1:]}", row.networks)
                    small_button("Show", f"Show {row.name}", partial(self._show, row.name))
                    small_button(
                        "Remove", f"Remove {row.name}", partial(self._remove, row.name), bad=True
                    )

    def _tunnel(self, state: TunnelState) -> str:
        if state.down_since is not None:
            return f"tunnel down since {when(state.down_since, self._zone)}"
        return _NOT_SEEN.get(state.said, f"tunnel {state.said}")

    async def _show(self, name: str) -> None:
        """All about one, as `dormouse site show` says it."""
        try:
            site, state = await self._sites.one(self._principal.tenant, name)
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
            await self._list.refresh()
            return
        with asked(f"Site {site.name}") as dialog:
            with ui.element("dl").classes("dm-pairs"):
                for label, text in self._facts(site, state).items():
                    TextElement(tag="dt", text=label)
                    TextElement(tag="dd", text=text)
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=lambda: dialog.submit(None)).props("no-caps")
        await dialog
        dialog.delete()

    def _facts(self, site: Site, state: TunnelState) -> dict[str, str]:
        shaken = state.handshake_at
        return {
            "Place": site.title,
            "Tunnel": self._tunnel(state).removeprefix("tunnel "),
            "Last handshake": "none" if shaken is None else when(shaken, self._zone),
            "Received, sent": f"{state.received}, {state.sent} bytes",
            "Networks": ", ".join(map(str, site.networks)) or "none",
            "Reaches at home": ", ".join(["the hub", *map(str, site.home)]),
            "Finds the home at": site.endpoint,
            "Is found at": site.site_endpoint or state.endpoint or "it dials",
            "The hub's end": f"{site.hub_address} on {site.interface}",
            "The hub's public key": site.hub_key,
            "Its end": str(site.site_address),
            "Its public key": site.site_key,
            "Made": f"by {site.made_by}, {when(site.created_at, self._zone)}",
        }

    async def _add(self) -> None:
        tenant, by = self._principal.tenant, self._principal.name
        made = await ask_site(partial(self._sites.add, tenant, by=by))
        await self._list.refresh()
        if made is not None:
            await tell_files(made)

    async def _remove(self, name: str) -> None:
        details = ["Its devices are not reached any more. Its place and their history stay."]
        if not await confirm(f"Remove {name}?", details=details, yes="Remove"):
            return
        try:
            site = await self._sites.remove(self._principal.tenant, name)
            ui.notify(f"{name} is removed: take {site.interface} down on the hub, too.")
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
        await self._list.refresh()
