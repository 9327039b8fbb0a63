"""A site: the values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address

from hub.sites.networks import IpNetwork

__all__ = ["MadeFile", "MadeSite", "NewSite", "Site", "TunnelState"]


@dataclass(frozen=True, slots=True)
class NewSite:
    """What a person says of a site; `place` from the outside in, empty: a root of its name.

    `networks` are the site's, `home` those of the home that it reaches besides the hub. `endpoint`
    is `host:port` (or host) at which the site finds the home, `site_endpoint` the other way round,
    empty where only the site dials.
    """

    name: str
    networks: tuple[IpNetwork, ...] = ()
    home: tuple[IpNetwork, ...] = ()
    endpoint: str = ""
    site_endpoint: str = ""
    place: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A site as it is kept: public keys alone. `title` is its place's name, else its own.

    `number` is its own among all tenants': its port, interface and addresses follow from it.
    """

    id: int
    name: str
    number: int
    place: int | None
    title: str
    networks: tuple[IpNetwork, ...]
    home: tuple[IpNetwork, ...]
    endpoint: str
    site_endpoint: str
    hub_address: IPv4Address
    site_address: IPv4Address
    hub_key: str
    site_key: str
    made_by: str
    created_at: datetime
    heard_at: datetime | None = None

    @property
    def interface(self) -> str:
        """The hub's WireGuard interface: 15 characters at most, the kernel's limit."""
        return f"dm{self.number}-{self.name}"[:15].rstrip("-")


@dataclass(frozen=True, slots=True)
class TunnelState:
    """What WireGuard says of a tunnel; bytes since the interface came up.

    `known` is False where this hub may not ask, or has no such peer. `down_since` is when the site
    was heard last, None while the tunnel is up or never was. `heard_at` is when it was heard last
    before this WireGuard interface came up: a machine that starts anew has no handshakes.
    """

    known: bool = False
    endpoint: str = ""
    handshake_at: datetime | None = None
    received: int = 0
    sent: int = 0
    down_since: datetime | None = None
    heard_at: datetime | None = None

    @property
    def said(self) -> str:
        """In a word: up, down, never up, not known."""
        if self.down_since is not None:
            return "down"
        if self.handshake_at is not None:
            return "up"
        return "never up" if self.known and self.heard_at is None else "not known"


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file of a new site, with a private key in it; `where` says where it belongs."""

    name: str
    text: str = field(repr=False)
    where: str = ""


@dataclass(frozen=True, slots=True)
class MadeSite:
    """A new site and its files, which nobody can make again."""

    site: Site
    files: tuple[MadeFile, ...]
