"""What may be done with sites, by pages and programs alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from hub.database.database import Database
from hub.mqtt.accounts import AccountBook
from hub.places.service import PlaceService
from hub.sites import names
from hub.sites.configuration import files
from hub.sites.errors import (
    NetworkOverlapError,
    SiteNameTakenError,
    SiteRefusedError,
    TooManySitesError,
)
from hub.sites.forwarder import account_of, forwarder_files
from hub.sites.keys import KeyPair, shared_key
from hub.sites.machine import own_networks
from hub.sites.model import MadeFile, MadeSite, NewSite, Site, TunnelState
from hub.sites.networks import IpNetwork, checked, free_network, networks, overlap
from hub.sites.repository import SiteRepository
from hub.sites.watch import SiteWatch

__all__ = ["FIRST_PORT", "SiteService", "SiteSettings"]

FIRST_PORT = 51820
"""WireGuard's usual one; a hub's first site has the next, so that one of its own keeps this."""

_SITE_PORT = 51820
# More interfaces than that are a mistake; the database has the same limit.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Of the hub's settings, as texts.

    `host`: where sites find the home (empty: each says it itself); `networks` of the home besides
    those that its machine is in; `tunnels`: the network of the tunnels' ends.
    """

    host: str = ""
    networks: str = ""
    tunnels: str = "10.86.0.0/16"


class SiteService:
    """The sites of all tenants; `watch` knows how their tunnels are.

    `mqtt_port` is where the hub's broker listens, `accounts` are its.
    """

    def __init__(
        self,
        database: Database,
        places: PlaceService,
        watch: SiteWatch,
        settings: SiteSettings,
        *,
        accounts: AccountBook,
        mqtt_port: Callable[[], int],
        own: Callable[[], Sequence[tuple[str, Sequence[IpNetwork]]]] = own_networks,
    ) -> None:
        self._database, self._places, self._watch = database, places, watch
        self._settings, self._own = settings, own
        self._adding = asyncio.Lock()
        self._accounts, self._mqtt_port = accounts, mqtt_port

    async def all(self, tenant: str) -> list[tuple[Site, TunnelState]]:
        """A tenant's sites by name, and how their tunnels are."""
        found = await self._of(tenant).all()
        return [(site, self._watch.state(site.site_key)) for site in found]

    async def one(self, tenant: str, name: str) -> tuple[Site, TunnelState]:
        """One of them. Raises SiteUnknownError."""
        site = await self._of(tenant).named(name)
        return site, self._watch.state(site.site_key)

    async def add(self, tenant: str, new: NewSite, by: str) -> MadeSite:
        """Make a site, its keys and its files, which nobody can make again.

        Raises SiteRefusedError, NetworkOverlapError, SiteNameTakenError, TooManySitesError.
        """
        name = names.site_name(new.name)
        host = new.endpoint or self._settings.host
        if not host:
            raise SiteRefusedError(
                "where does the site find the home? Name it (--endpoint home.example.org), or set "
                "DORMOUSE_SITE_HOST"
            )
        names.endpoint(host, FIRST_PORT, "the home")
        dialled = new.site_endpoint and names.endpoint(new.site_endpoint, _SITE_PORT, "the site")
        hub, gateway, shared = KeyPair.make(), KeyPair.make(), shared_key()
        # Two at once would both see that a number and a network are free.
        async with self._adding:
            number, first = await self._free(tenant, new)
            facts = {
                "name": name, "number": number, "site_endpoint": dialled, "by": by,
                "endpoint": names.endpoint(host, FIRST_PORT + number, "the home"),
                "hub_address": first + 1, "site_address": first + 2,
                "hub_key": hub.public, "site_key": gateway.public,
                "place": await self._places.ensure_path(tenant, new.place or (name,)),
            }  # fmt: skip
            await self._of(tenant).add(facts, new.networks, new.home)
        site = await self._of(tenant).named(name)
        self._watch.look_soon()
        return MadeSite(site, files(site, hub, gateway, shared))

    async def forwarder(
        self, tenant: str, name: str, *, program: bool = False
    ) -> tuple[MadeFile, ...]:
        """The files of a small broker at a site that forwards for its devices, told this once.

        Made again they have another password, and the devices that are there then. Raises
        SiteUnknownError, SiteRefusedError, AccountError.
        """
        site = await self._of(tenant).named(name)
        account = account_of(site)
        of_devices = await self._of(tenant).of_devices()
        devices = sorted(
            one
            for one, where in of_devices.items()
            if where == name and self._accounts.tenant(one) == tenant
        )
        if not devices:
            raise SiteRefusedError(
                f"no device with an account is in {site.title} or below: put those there that are "
                "to be forwarded for"
            )
        if self._accounts.tenant(account) == tenant:
            password = await self._accounts.rotate(account)
        else:
            password = await self._accounts.provision(account, tenant)
        known = {one: self._accounts.get(one) for one in devices}
        hashes = {one: account.password for one, account in known.items() if account is not None}
        # The broker is to know it before anybody comes with these files.
        await self._watch.list_sites()
        return forwarder_files(site, self._mqtt_port(), password, hashes, program=program)

    async def remove(self, tenant: str, name: str) -> Site:
        """Forget a site: it as it was. Its place and devices stay. Raises SiteUnknownError."""
        site = await self._of(tenant).named(name)
        await self._of(tenant).remove(name)
        if self._accounts.tenant(account_of(site)) == tenant:
            await self._accounts.remove(account_of(site))
        self._watch.look_soon()
        return site

    def _tunnels(self) -> IPv4Network:
        [found] = networks([self._settings.tunnels])
        if not isinstance(found, IPv4Network) or found.prefixlen > 19:
            raise SiteRefusedError(
                f"DORMOUSE_SITE_TUNNELS={found}: it takes an IPv4 network of /19 or wider"
            )
        return found

    async def _free(self, tenant: str, new: NewSite) -> tuple[int, IPv4Address]:
        """A number that no site of this hub has, and the first of its tunnel's addresses.

        Refuses a name and networks that are taken: a machine routes a network once, whoever's it
        is. Of other tenants' no more is told than that.
        """
        tunnels = self._tunnels()
        told = networks(part for part in self._settings.networks.split(",") if part.strip())
        others: list[tuple[str, Sequence[IpNetwork]]] = [
            ("the home itself (DORMOUSE_SITE_NETWORKS)", told),
            ("the tunnels' ends (DORMOUSE_SITE_TUNNELS)", [tunnels]),
            *self._own(),
        ]
        taken: set[int] = set()
        for owner in await self._database.tenants():
            for site in await self._of(owner).all():
                taken.add(site.number)
                if owner == tenant and site.name == new.name:
                    raise SiteNameTakenError(new.name)
                if owner == tenant:
                    others.append((f"site {site.name}", site.networks))
                elif overlap(new.networks, site.networks):
                    said = ", ".join(map(str, new.networks))
                    free = free_network(new.networks[0].version, [*new.networks, *site.networks])
                    raise NetworkOverlapError(
                        said, "a network", "another site of this hub", str(free)
                    )
        checked(new.networks, others)
        checked(new.networks, [("the home, which the site reaches (--home)", new.home)])
        checked(new.home, [("the tunnels' ends (DORMOUSE_SITE_TUNNELS)", [tunnels])])
        number = next((n for n in range(1, _MOST + 1) if n not in taken), None)
        if number is None:
            raise TooManySitesError
        return number, tunnels.network_address + 4 * number

    def _of(self, tenant: str) -> SiteRepository:
        return SiteRepository(self._database.of(tenant))
