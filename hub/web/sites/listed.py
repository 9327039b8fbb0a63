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
from hub.language.words import N_, _
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
    "never up": N_("tunnel never up: set up both ends with its files"),
    "not known": N_(
        "tunnel not known: this hub has just started or may not ask WireGuard, "
        "or its end is not set up"
    ),
}
_UP = N_("tunnel up")


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
        with card(_("Sites")) as head:
            self._list = Reloaded(self._load, self._show_list, only_changed=True)
        with head:
            small_button(_("Add a site"), _("Add a site"), self._add, icon="add")
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
                _(
                    "{name}: {networks}; the hub is {address} on {interface}; made by {by}",
                    name=site.name,
                    networks=", ".join(map(str, site.networks)) or _("no network"),
                    address=site.hub_address,
                    interface=site.interface,
                    by=site.made_by,
                ),
            )
            for site, state in found
        ]  # fmt: skip

    def _show_list(self, rows: Sequence[_Row]) -> None:
        if not rows:
            empty(
                "hub", _("No sites yet"),
                _(
                    "A beach house, a school, a barn: its sensors reach this hub through a tunnel."
                ),
            )  # fmt: skip
            return
        with ui.element("ul").classes("dm-items"):
            for row in rows:
                with ui.element("li"):
                    icon, state = _MARKS[row.state]
                    mark(icon, state)
                    what(row.title, f"{row.told[:1].upper()}{row.told[1:]}", row.networks)
                    small_button(
                        _("Show"), _("Show {name}", name=row.name), partial(self._show, row.name)
                    )
                    small_button(
                        _("Remove"),
                        _("Remove {name}", name=row.name),
                        partial(self._remove, row.name),
                        bad=True,
                    )

    def _tunnel(self, state: TunnelState) -> str:
        if state.down_since is not None:
            return _("tunnel down since {at}", at=when(state.down_since, self._zone))
        return _(_NOT_SEEN.get(state.said, _UP))

    async def _show(self, name: str) -> None:
        """All about one, as `dormouse site show` says it."""
        try:
            site, state = await self._sites.one(self._principal.tenant, name)
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
            await self._list.refresh()
            return
        with asked(_("Site {name}", name=site.name)) as dialog:
            with ui.element("dl").classes("dm-pairs"):
                for label, text in self._facts(site, state).items():
                    TextElement(tag="dt", text=label)
                    TextElement(tag="dd", text=text)
            with ui.row().classes("w-full justify-end"):
                ui.button(_("Close"), on_click=lambda: dialog.submit(None)).props("no-caps")
        await dialog
        dialog.delete()

    def _facts(self, site: Site, state: TunnelState) -> dict[str, str]:
        shaken = state.handshake_at
        return {
            _("Place"): site.title,
            _("Tunnel"): self._tunnel(state).removeprefix(_("tunnel ")),
            _("Last handshake"): _("none") if shaken is None else when(shaken, self._zone),
            _("Received, sent"): _(
                "{received}, {sent} bytes", received=state.received, sent=state.sent
            ),
            _("Networks"): ", ".join(map(str, site.networks)) or _("none"),
            _("Reaches at home"): ", ".join([_("the hub"), *map(str, site.home)]),
            _("Finds the home at"): site.endpoint,
            _("Is found at"): site.site_endpoint or state.endpoint or _("it dials"),
            _("The hub's end"): _(
                "{address} on {interface}", address=site.hub_address, interface=site.interface
            ),
            _("The hub's public key"): site.hub_key,
            _("Its end"): str(site.site_address),
            _("Its public key"): site.site_key,
            _("Made"): _(
                "by {name}, {at}", name=site.made_by, at=when(site.created_at, self._zone)
            ),
        }

    async def _add(self) -> None:
        tenant, by = self._principal.tenant, self._principal.name
        made = await ask_site(partial(self._sites.add, tenant, by=by))
        await self._list.refresh()
        if made is not None:
            await tell_files(made)

    async def _remove(self, name: str) -> None:
        details = [_("Its devices are not reached any more. Its place and their history stay.")]
        if not await confirm(_("Remove {name}?", name=name), details=details, yes=_("Remove")):
            return
        try:
            site = await self._sites.remove(self._principal.tenant, name)
            ui.notify(
                _(
                    "{name} is removed: take {interface} down on the hub, too.",
                    name=name,
                    interface=site.interface,
                )
            )
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
        await self._list.refresh()
