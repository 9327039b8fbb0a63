"""Where a tunnel's other end is now, decided from names and what is in use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from hub.sites.wireguard import Peer

__all__ = ["Moved", "NamedPeer", "moved"]


# WireGuard makes new keys every 120 s and tries for some time: by then nobody answers there.
_LOST = timedelta(seconds=135)


@dataclass(frozen=True, slots=True)
class NamedPeer:
    """A peer's public key and the host's name at which it is found, with its port."""

    interface: str
    key: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A peer that is found elsewhere now; `endpoint` is `address:port`, `[address]:port`."""

    interface: str
    key: str
    host: str
    before: str
    endpoint: str


def moved(named: NamedPeer, peer: Peer, addresses: Sequence[str], now: datetime) -> Moved | None:
    """Where the peer is to be looked for from now on; None: it stays as it is.

    `addresses` are those that its name has now and that can be reached, in the resolver's order;
    none where it failed. Left alone: who has no endpoint or never shook hands; and the address in
    use while the name has it, unless nobody answers there and the name has others: then the next.
    Of a name's new addresses one of the family in use goes first.
    """
    if not peer.endpoint or peer.handshake_at is None:
        return None
    listed = list(dict.fromkeys(filter(None, map(_address, addresses))))
    host, _, port = peer.endpoint.rpartition(":")
    used = _address(host.strip("[]"))
    if not listed or used is None:
        return None
    if used in listed:
        lost = now - peer.handshake_at > _LOST
        same_port = port == str(named.port)
        if same_port and (not lost or len(listed) == 1):
            return None
        # In an order of its own: a resolver turns its answers round.
        ring = sorted(listed, key=lambda one: (one.version, int(one)))
        chosen = ring[(ring.index(used) + 1) % len(ring)] if same_port else used
    else:
        chosen = min(listed, key=lambda one: one.version != used.version)
    said = f"[{chosen}]" if chosen.version == 6 else str(chosen)
    return Moved(peer.interface, peer.key, named.host, peer.endpoint, f"{said}:{named.port}")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as it is compared; None for what cannot be an endpoint."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    unusable = found.is_unspecified or found.is_multicast or found.is_link_local
    return None if unusable else found
