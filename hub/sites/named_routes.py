"""Hosts by name that are reached through a tunnel: what nftables and routes are told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from hub.sites.errors import SiteRefusedError
from hub.sites.names import is_host

__all__ = [
    "MARK",
    "TABLE",
    "TABLE_NUMBER",
    "TIMEOUT",
    "KnownAddress",
    "dnsmasq_lines",
    "elements",
    "hosts",
    "learnt",
    "transaction",
]

TABLE = "dormouse_routes"
"""Of nftables, family inet: ours alone, so that a firewall's reload leaves it."""

MARK, TABLE_NUMBER = 0x646D, 25709
"""Of packets to those hosts ("dm"), and the table of routes that they take: the same number."""

TIMEOUT = timedelta(minutes=30)
"""How long an address counts after its name had it: three of the timer's rounds."""

_MOST_HOSTS, _MOST_ADDRESSES = 200, 64


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address that a name had at `at`."""

    address: str
    at: datetime


def hosts(names: Iterable[str]) -> list[str]:
    """The names, in small letters, each once. Raises SiteRefusedError."""
    found = list(dict.fromkeys(name.strip().rstrip(".").lower() for name in names))
    for name in found:
        if not is_host(name) or ":" in name or not any(letter.isalpha() for letter in name):
            raise SiteRefusedError(f"{name[:64]!r} is no host's name, such as media.example.org")
    if len(found) > _MOST_HOSTS:
        raise SiteRefusedError(f"{len(found)} names are too many: {_MOST_HOSTS} at most")
    return found


def learnt(
    before: Mapping[str, Sequence[KnownAddress]], found: Mapping[str, Sequence[str]], now: datetime
) -> dict[str, list[KnownAddress]]:
    """By name what it has now, and what it had within the last 30 minutes.

    A name that does not resolve keeps what it had; one that is in `found` no more is forgotten.
    """
    every: dict[str, list[KnownAddress]] = {}
    for name, addresses in found.items():
        newest = {one.address: one for one in before.get(name, ()) if now - one.at < TIMEOUT}
        newest |= {address: KnownAddress(address, now) for address in addresses[:_MOST_ADDRESSES]}
        every[name] = list(newest.values())
    return every


def elements(
    known: Mapping[str, Sequence[KnownAddress]], now: datetime, never: Iterable[str] = ()
) -> dict[int, dict[str, int]]:
    """By version (4, 6) the addresses and for how many seconds each counts yet.

    Left out is what no host of the Internet has, and `never`: the tunnels' own ends, which would
    be looked for in themselves.
    """
    own = {ip_address(text) for text in never}
    found: dict[int, dict[str, int]] = {4: {}, 6: {}}
    for ones in known.values():
        for one in ones:
            address = _usable(one.address)
            left = round((TIMEOUT - (now - one.at)).total_seconds())
            if address is not None and address not in own and left > 0:
                of_version = found[address.version]
                of_version[str(address)] = max(left, of_version.get(str(address), 0))
    return found


def transaction(addresses: Mapping[int, Mapping[str, int]]) -> str:
    """What `nft -f -` is given: all of it counts at once, or nothing does.

    Sets `hosts4` and `hosts6` are ours, `seen4` and `seen6` dnsmasq's, which stay as they are.
    """
    lines = [f"add table inet {TABLE}"]
    # Ours are told for how long with each address, dnsmasq tells no time.
    for kind, lasting in (("hosts", ""), ("seen", " timeout 1h;")):
        lines += [
            f"add set inet {TABLE} {kind}{version} "
            f"{{ type ipv{version}_addr; flags timeout;{lasting} }}"
            for version in (4, 6)
        ]
    for name, kind in (("forwarded", "filter hook prerouting"), ("own", "route hook output")):
        lines += [
            f"add chain inet {TABLE} {name} {{ type {kind} priority mangle; }}",
            f"flush chain inet {TABLE} {name}",
        ]
        for family, version in (("ip", 4), ("ip6", 6)):
            lines += [
                f"add rule inet {TABLE} {name} {family} daddr @{kind}{version} "
                f"meta mark set {MARK:#x}"
                for kind in ("hosts", "seen")
            ]
    for version in (4, 6):
        lines.append(f"flush set inet {TABLE} hosts{version}")
        held = ", ".join(f"{one} timeout {left}s" for one, left in addresses[version].items())
        if held:
            lines.append(f"add element inet {TABLE} hosts{version} {{ {held} }}")
    return "\n".join([*lines, ""])


def dnsmasq_lines(names: Sequence[str]) -> str:
    """For /etc/dnsmasq.d (2.87 or newer): whoever asks for a name fills both sets."""
    lines = [f"nftset=/{name}/4#inet#{TABLE}#seen4,6#inet#{TABLE}#seen6" for name in names]
    return "\n".join(["# Hosts reached through a tunnel: `dormouse site routes`.", *lines, ""])


def _usable(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    special = found.is_loopback or found.is_link_local or found.is_multicast
    return None if special or found.is_unspecified else found
