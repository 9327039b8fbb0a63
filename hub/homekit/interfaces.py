"""Which of this machine's network interfaces a home is on: pure, over what the system says."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["EVERYWHERE", "Interface", "IpAddress", "Reach", "reach"]

IpAddress = IPv4Address | IPv6Address

EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # compared, not bound
"""Addresses to listen on that mean all of them."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface as the system has it.

    `kind` is what software made it ("bridge", "veth", "tun"), empty for hardware; `master` the
    index of the bridge or bond that it is a part of; `flaps` counts how often its link went or
    came. `addresses` are those that can be used for long: not tentative, temporary or deprecated.
    """

    index: int
    name: str
    addresses: tuple[IpAddress, ...] = ()
    kind: str = ""
    master: int | None = None
    running: bool = True
    loopback: bool = False
    point_to_point: bool = False
    flaps: int = 0


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a bridge is to be found: `interfaces` in the order of their index.

    `addresses` are announced, the lasting ones first. `multicast` is where multicast DNS is
    spoken: an IPv4 address, or an interface's index for IPv6.
    """

    interfaces: tuple[Interface, ...]
    addresses: tuple[str, ...]
    multicast: tuple[str | int, ...]


# What the link itself says (IFLA_INFO_KIND): none of these has a home behind it.
_TUNNELS = frozenset({
    "tun", "wireguard", "ppp", "gre", "gretap", "ip6gre", "ip6gretap", "ipip", "ip6tnl", "sit",
    "vti", "vti6", "xfrm", "erspan", "ip6erspan", "vxlan", "geneve", "bareudp", "l2tp", "ifb",
})  # fmt: skip
# Ends of containers and virtual machines within a bridge.
_INSIDE = frozenset({"veth", "tun"})
# By name, for what has none of those: bridges of Docker, libvirt, LXC, Podman, Kubernetes and Home
# Assistant OS; tunnels of VPNs, and Apple's peer-to-peer links.
_FOREIGN = re.compile(
    r"docker.*|br-[0-9a-f]{12}|hassio|virbr\d.*|(lxc|lxd|incus)br\d.*|podman\d.*|cni\d.*|cni-.*"
    r"|cali[0-9a-z]+|flannel.*|weave.*|kube-.*|cilium.*|vmnet\d.*|vboxnet\d.*|vnet\d+"
    r"|u?tun\d*|tap\d.*|wg\d*|wg[-_].*|tailscale.*|zt[0-9a-z]+|ppp\d+|ham\d+|nordlynx|proton\d*"
    r"|nebula\d*|ipsec\d*|sit\d+|gre\d+|ip6tnl\d+|awdl\d+|llw\d+|anpi\d+"
)


def reach(interfaces: Iterable[Interface], host: str, names: Sequence[str] = ()) -> Reach:
    """Where a bridge that listens on `host` is found.

    With an address of its own it is found there, while there is that address; everywhere, on the
    interfaces called `names` (or like these patterns), or where none are named on all that lead to
    a home: no container's bridge, no tunnel, no link that is down. Loopback where nothing is left.
    """
    known = sorted(interfaces, key=lambda one: one.index)
    if host not in EVERYWHERE:
        address = ip_address(host)
        return _found([_only(one, address) for one in known if address in one.addresses])
    if names:
        chosen = [one for one in known if any(fnmatch.fnmatchcase(one.name, n) for n in names)]
        return _found([one for one in chosen if one.running])
    home = [one for one in known if _leads_home(one, known) and one.addresses]
    return _found(home or [_only(one, IPv4Address("127.0.0.1")) for one in known if one.loopback])


def _only(interface: Interface, address: IpAddress) -> Interface:
    """The same with one address."""
    return Interface(
        index=interface.index,
        name=interface.name,
        addresses=tuple(one for one in interface.addresses if one == address),
        flaps=interface.flaps,
    )


def _leads_home(interface: Interface, known: Sequence[Interface]) -> bool:
    if not interface.running or interface.loopback or interface.point_to_point:
        return False
    if interface.master is not None or interface.kind in _TUNNELS:
        return False  # what is part of a bridge has that bridge's addresses
    if _FOREIGN.fullmatch(interface.name):
        return False
    if interface.kind != "bridge":
        return True
    # One that joins cable or WiFi is the home's; one that joins containers, or nothing, is not.
    members = [one for one in known if one.master == interface.index]
    return any(one.kind not in _INSIDE and not _FOREIGN.fullmatch(one.name) for one in members)


def _found(interfaces: Sequence[Interface]) -> Reach:
    addresses: list[IpAddress] = []
    multicast: list[str | int] = []
    for interface in interfaces:
        fours = [one for one in interface.addresses if isinstance(one, IPv4Address)]
        # One that gave itself an address (169.254) counts where it was given no other.
        fours = [one for one in fours if not one.is_link_local] or fours
        sixes = [one for one in interface.addresses if isinstance(one, IPv6Address)]
        addresses += [*fours, *sixes]
        multicast += [str(one) for one in fours]
        multicast += [interface.index] if sixes else []
    ordered = sorted(addresses, key=lambda one: (one.version, one.is_link_local))
    return Reach(
        tuple(interfaces), tuple(dict.fromkeys(map(str, ordered))), tuple(dict.fromkeys(multicast))
    )
