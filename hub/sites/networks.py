"""Networks that sites may have, and which of them would be in each other's way. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from hub.sites.errors import NetworkError, NetworkOverlapError

__all__ = ["IpNetwork", "checked", "free_network", "network", "networks", "overlap"]

IpNetwork = IPv4Network | IPv6Network

# What is routed into a tunnel is taken from elsewhere: nobody's public addresses.
_PRIVATE = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# A provider gives a home its own part of the IPv6 Internet, a /48 at most.
_GLOBAL, _GLOBAL_LONGEST = ip_network("2000::/3"), 48
# 10.0.0.0/8 as a whole is a typing error more often than a network.
_WIDEST = 9
_MOST = 16


def network(text: str) -> IpNetwork:
    """`192.168.57.0/24` as a network that a site can have. Raises NetworkError."""
    stripped = text.strip()
    if "/" not in stripped:
        raise NetworkError(stripped, "write it with its length, like 192.168.57.0/24")
    try:
        found = ip_network(stripped, strict=False)
    except ValueError:
        raise NetworkError(stripped, "is none: write it like 192.168.57.0/24") from None
    address = stripped.partition("/")[0]
    if ip_network(address).network_address != found.network_address:
        raise NetworkError(stripped, f"is an address within a network: write {found}")
    private = any(_within(found, one) for one in _PRIVATE)
    ours = found.version == 6 and _within(found, _GLOBAL) and found.prefixlen >= _GLOBAL_LONGEST
    if not private and not ours:
        raise NetworkError(
            stripped,
            "is not a private one: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 and "
            "fc00::/7 hold those, and a provider's IPv6 prefix is a /48 at most",
        )
    if found.prefixlen < _WIDEST:
        raise NetworkError(stripped, "is too wide: a site has a part of it, like 10.57.0.0/16")
    return found


def networks(texts: Iterable[str]) -> tuple[IpNetwork, ...]:
    """Several, in order, each once. Raises NetworkError, NetworkOverlapError."""
    found: list[IpNetwork] = []
    for one in dict.fromkeys(network(text) for text in texts):
        checked([one], [("the same list", found)])
        found.append(one)
    if len(found) > _MOST:
        raise NetworkError(str(found[_MOST]), f"a site has {_MOST} networks at most")
    return tuple(found)


def checked(wanted: Sequence[IpNetwork], others: Iterable[tuple[str, Iterable[IpNetwork]]]) -> None:
    """Refuse networks that overlap others, which are told by whose they are.

    Raises NetworkOverlapError.
    """
    every = [(whose, list(theirs)) for whose, theirs in others]
    for whose, theirs in every:
        found = overlap(wanted, theirs)
        if found is not None:
            taken = [*wanted, *(one for _, ones in every for one in ones)]
            free = free_network(found[0].version, taken)
            raise NetworkOverlapError(str(found[0]), str(found[1]), whose, str(free))


def free_network(version: int, taken: Sequence[IpNetwork]) -> IpNetwork:
    """One of a home's usual size that none of these has addresses of."""
    candidates: Iterator[str]
    if version == 6:
        candidates = (f"fd57:{n:x}::/64" for n in range(1, 1 << 16))
    else:
        # 1000 sites are the most, in both ranges there is room for more.
        ours = (f"192.168.{n}.0/24" for n in range(57, 256))
        candidates = itertools.chain(ours, (f"10.{n >> 8}.{n & 255}.0/24" for n in range(1 << 16)))
    return next(one for one in map(ip_network, candidates) if overlap([one], taken) is None)


def overlap(
    ones: Sequence[IpNetwork], others: Iterable[IpNetwork]
) -> tuple[IpNetwork, IpNetwork] | None:
    """The first two that have addresses in common; None for none."""
    pairs = ((one, other) for other in others for one in ones)
    return next(((a, b) for a, b in pairs if a.version == b.version and a.overlaps(b)), None)


def _within(inner: IpNetwork, outer: IpNetwork) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # the same family
