"""Endpoints by name: looked up again, and told to WireGuard where they changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from hub.sites.endpoints import Moved, NamedPeer, moved
from hub.sites.errors import GatewayError
from hub.sites.resolve import reachable
from hub.sites.wireguard import Peer

__all__ = ["Refreshed", "WireGuardLike", "refresh"]

log = logging.getLogger(__name__)


class WireGuardLike(Protocol):
    """hub.sites.wireguard.WireGuard."""

    async def peers(self) -> list[Peer]:
        """Of all interfaces. Raises GatewayError."""
        ...

    async def set_endpoint(self, interface: str, key: str, endpoint: str) -> None:
        """Where a peer is from now on. Raises GatewayError."""
        ...


@dataclass(slots=True)
class Refreshed:
    """What became of a round: who moved, and what did not work, a line each."""

    moved: list[Moved] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def refresh(
    wireguard: WireGuardLike,
    peers: Sequence[Peer],
    named: Sequence[NamedPeer],
    now: datetime,
    *,
    lookup: Callable[[str], Awaitable[Sequence[str]]] = reachable,
) -> Refreshed:
    """Look all names up at once, and tell WireGuard who is found elsewhere.

    A name that is not found changes nothing; a peer that cannot be changed does not hold up
    another.
    """
    done = Refreshed()
    known = {(peer.interface, peer.key): peer for peer in peers}
    asked = [
        (one, peer)
        for one in named
        if (peer := known.get((one.interface, one.key))) is not None
        and peer.endpoint
        and peer.handshake_at is not None
    ]
    hosts = sorted({one.host for one, _ in asked})
    found = dict(zip(hosts, await asyncio.gather(*map(lookup, hosts)), strict=True))
    done.problems += [
        f"{host} does not resolve to an address that can be reached: its tunnel stays as it is"
        for host in hosts
        if not found[host]
    ]
    for one, peer in asked:
        change = moved(one, peer, found[one.host], now)
        if change is None:
            continue
        try:
            await wireguard.set_endpoint(change.interface, change.key, change.endpoint)
            done.moved.append(change)
            log.info(
                "tunnel %s: %s is at %s now, was at %s",
                change.interface, change.host, change.endpoint, change.before,
            )  # fmt: skip
        except GatewayError as error:
            done.problems.append(f"{change.interface}: {error}")
    return done
