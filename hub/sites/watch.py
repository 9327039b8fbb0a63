"""How the tunnels are: WireGuard asked every few seconds, while there are sites."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.runtime.supervisor import PartRole, Supervisor
from hub.sites import peer_file
from hub.sites.endpoints import NamedPeer
from hub.sites.errors import GatewayError
from hub.sites.forwarder import account_of
from hub.sites.model import Site, TunnelState
from hub.sites.names import is_address
from hub.sites.refresh import WireGuardLike, refresh
from hub.sites.repository import SiteRepository
from hub.sites.wireguard import Peer, WireGuard

__all__ = ["SiteWatch"]

log = logging.getLogger(__name__)

# Both ends say something every 25 s: three of these and the time that an answer takes.
_SILENT = timedelta(seconds=90)
# Without sessions: WireGuard rejects what is older (REJECT_AFTER_TIME), so nobody is there.
_EXPIRED = timedelta(seconds=180)
# What other processes add is found by the next look; this one's own at once.
_SITES_EVERY = timedelta(minutes=5)


# For how long it is remembered that a tunnel was down: its devices are to have time to be heard.
_REMEMBERED = timedelta(days=1)
_MOST_CUTS = 50
# How often it is kept on disk that a site is heard; when it falls silent, the last time at once.
_KEPT_EVERY = timedelta(minutes=5)


@dataclass(slots=True)
class _Life:
    """When a peer was heard: bytes grew; `first` is when it was looked at first.

    `kept_at` is when it was heard last before that. `cuts` are when it was down, of the last day,
    in order.
    """

    peer: Peer
    first: datetime
    kept_at: datetime | None = None
    heard_at: datetime | None = None
    cuts: list[tuple[datetime, datetime]] = field(default_factory=list)


class ForwardersLike(Protocol):
    """hub.mqtt.service.Mqtt."""

    def set_forwarders(self, forwarders: Mapping[str, tuple[str, Sequence[str]]]) -> bool:
        """By account whose it is, and the devices that it speaks for; whether that is news."""
        ...

    async def follow_mapping(self) -> None:
        """Let a broker that runs go by it."""
        ...


class SiteWatch:
    """Follows the tunnels of all tenants' sites.

    Where this hub may not ask WireGuard, what `dormouse site refresh` wrote as root is read.
    `mqtt` is told which accounts may speak for which devices.
    """

    EVERY_S = 10.0

    def __init__(
        self,
        database: Database,
        supervisor: Supervisor | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wireguard: WireGuardLike | None = None,
        mqtt: ForwardersLike | None = None,
    ) -> None:
        self._database, self._clock = database, clock
        self._mqtt = mqtt
        self._wireguard = wireguard or WireGuard()
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._sites: dict[str, list[Site]] = {}
        self._looked = False
        self._listed_at: datetime | None = None
        self._lives: dict[str, _Life] = {}
        self._kept: dict[str, datetime] = {}  # by key, as it is on disk
        self._soon = asyncio.Event()
        self._said = ""

    async def start(self) -> None:
        """Begin to look."""
        self._tasks.loop("the tunnels of sites", self._watch)

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    def look_soon(self) -> None:
        """Sites were added or removed."""
        self._listed_at = None
        self._soon.set()

    def state(self, key: str) -> TunnelState:
        """How the tunnel to the peer with this public key is."""
        life = self._lives.get(key)
        if life is None:
            return TunnelState()
        peer, now = life.peer, self._clock()
        return TunnelState(
            known=True,
            endpoint=peer.endpoint,
            handshake_at=peer.handshake_at,
            received=peer.received,
            sent=peer.sent,
            down_since=_down_since(life, now),
            heard_at=life.kept_at,
        )

    def sites(self, tenant: str) -> list[tuple[Site, TunnelState]]:
        """A tenant's sites as of the last look, and how their tunnels are."""
        return [(site, self.state(site.site_key)) for site in self._sites.get(tenant, ())]

    def standing(self, tenant: str) -> dict[str, str] | None:
        """By site how its tunnel is, in a word; None before the first look."""
        if not self._looked:
            return None
        return {site.name: state.said for site, state in self.sites(tenant)}

    def cuts(self, tenant: str) -> dict[str, list[tuple[datetime, datetime]]]:
        """By site when its tunnel was down in the last day, and is up again."""
        return {
            site.name: life.cuts
            for site in self._sites.get(tenant, ())
            if (life := self._lives.get(site.site_key)) is not None and life.cuts
        }

    async def of_devices(self, tenant: str) -> dict[str, str]:
        """By device in a site's place, or below it, that site's name."""
        return await SiteRepository(self._database.of(tenant)).of_devices()

    async def look(self) -> None:
        """Once: who are the sites, and how are their tunnels. Raises DatabaseAwayError."""
        now = self._clock()
        if self._listed_at is None or not timedelta(0) <= now - self._listed_at < _SITES_EVERY:
            await self.list_sites()
            self._listed_at = now
        if not any(self._sites.values()):
            self._lives.clear()
            self._looked = True
            return
        try:
            peers = await self._wireguard.peers()
            self.saw(peers, now)
            done = await refresh(self._wireguard, peers, self._named(peers), now)
            self._looked = True
            self._say("; ".join(done.problems))
            await self._keep(now)  # last: a database that is away keeps no tunnel down
        except GatewayError as error:
            written = peer_file.read(now)
            self.saw(written or [], now)
            await self._keep(now)
            self._looked = True
            if written is None:
                self._say(f"the tunnels of sites cannot be seen: {error}")

    def saw(self, peers: Sequence[Peer], now: datetime) -> None:
        """What WireGuard says now."""
        lives = {}
        for peer in peers:
            before = self._lives.get(peer.key)
            if before is None:
                kept = self._kept.get(peer.key)
                # A clock that was ahead once must not make a site heard for ever.
                lives[peer.key] = _Life(peer, now, kept and min(kept, now))
            else:
                lives[peer.key] = _goes_on(before, peer, now)
        self._lives = lives

    async def _keep(self, now: datetime) -> None:
        """Write down when sites were heard last. Raises DatabaseAwayError."""
        for tenant, sites in self._sites.items():
            for site in sites:
                life = self._lives.get(site.site_key)
                last = None if life is None else _last_heard(life)
                if life is None or last is None:
                    continue
                kept = self._kept.get(site.site_key)
                patience = timedelta(0) if _down_since(life, now) else _KEPT_EVERY
                if kept is None or last - kept > patience:
                    await SiteRepository(self._database.of(tenant)).heard(site.id, last)
                    self._kept[site.site_key] = last

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except DatabaseAwayError as error:
                log.info("sites are looked up later: %s", error.reason)
            self._soon.clear()
            try:
                async with asyncio.timeout(self.EVERY_S):
                    await self._soon.wait()
            except TimeoutError:
                continue

    def _named(self, peers: Sequence[Peer]) -> list[NamedPeer]:
        """The sites' ends that the hub dials, as the tenants' administrators named them."""
        interfaces = {peer.key: peer.interface for peer in peers}
        return [
            NamedPeer(interfaces[site.site_key], site.site_key, host, int(port))
            for sites in self._sites.values()
            for site in sites
            if site.site_endpoint and site.site_key in interfaces
            for host, _, port in [site.site_endpoint.rpartition(":")]
            if not is_address(host)
        ]

    def _say(self, problem: str) -> None:
        """Log what does not work, once as long as it is the same."""
        if problem and problem != self._said:
            log.info("%s", problem)
        self._said = problem

    async def list_sites(self, *, follow: bool = True) -> None:
        """Ask the database for all sites, and let the broker know who speaks for whom there.

        `follow`: the broker runs already. Raises DatabaseAwayError.
        """
        self._sites = {
            tenant: await SiteRepository(self._database.of(tenant)).all()
            for tenant in await self._database.tenants()
        }
        self._kept = {
            site.site_key: site.heard_at
            for sites in self._sites.values()
            for site in sites
            if site.heard_at is not None
        }
        forwarders: dict[str, tuple[str, list[str]]] = {}
        for tenant, sites in self._sites.items():
            of_devices = await self.of_devices(tenant) if sites else {}
            for site in sites:
                devices = sorted(one for one, name in of_devices.items() if name == site.name)
                forwarders[account_of(site)] = tenant, devices
        if self._mqtt is not None and self._mqtt.set_forwarders(forwarders) and follow:
            await self._mqtt.follow_mapping()


def _goes_on(before: _Life, peer: Peer, now: datetime) -> _Life:
    """A peer that was looked at before."""
    heard = now if peer.received != before.peer.received else before.heard_at
    kept = [cut for cut in before.cuts if now - cut[1] < _REMEMBERED]
    life = _Life(peer, before.first, before.kept_at, heard, kept[-_MOST_CUTS:])
    down = _down_since(before, now)
    if down is not None and peer.handshake_at is not None and _down_since(life, now) is None:
        life.cuts.append((down, now))
    return life


def _down_since(life: _Life, now: datetime) -> datetime | None:
    """When it was heard last, if that is too long ago; None: it is up, or never was."""
    last = _last_heard(life)
    if last is None:
        return None
    handshake = life.peer.handshake_at
    # A hub that has just started has not seen bytes grow yet; a machine that has, no handshake.
    fresh = life.first if handshake is None or now - handshake < _EXPIRED else last
    return last if now - max(last, fresh) > _SILENT else None


def _last_heard(life: _Life) -> datetime | None:
    handshake = life.peer.handshake_at
    return life.kept_at if handshake is None else max(handshake, life.heard_at or handshake)
