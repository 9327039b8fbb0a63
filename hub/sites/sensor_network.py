"""A network of the sensors' own: rule sets for nftables and for OpenWrt. Pure.

The home reaches the sensors. They reach the hub's two ports, and names, time and addresses where
those are given; nothing else, neither by IPv4 nor by IPv6, and not each other's router.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from hub.sites.errors import SiteRefusedError
from hub.sites.names import interface_name

__all__ = ["SENSOR_TABLE", "SensorNetwork", "address", "nftables", "openwrt"]

SENSOR_TABLE = "dormouse_sensors"

_DHCP = "udp dport 67"
_DHCP6 = "udp dport 547"
# What IPv6 does not work without on a link: neighbours and routers found, groups told.
_NEIGHBOURS = (
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, "
    "mld-listener-report, mld2-listener-report, mld-listener-done }"
)


@dataclass(frozen=True, slots=True)
class SensorNetwork:
    """Whom the sensors reach, as the router sees it.

    `sensors` and `home` are the router's interfaces to both networks. `hub` are the hub's
    addresses, `ports` its broker's and the enrolment's (TCP). `router` says what the router itself
    answers: `dhcp`, `dns`, `ntp`. `dns` and `ntp` are servers beyond it. `hub_is_here`: the router
    is the hub's machine.
    """

    sensors: str
    home: str
    hub: Sequence[str]
    ports: Sequence[int] = (1883, 1884)
    router: frozenset[str] = frozenset({"dhcp", "dns"})
    dns: Sequence[str] = ()
    ntp: Sequence[str] = ()
    hub_is_here: bool = False

    def __post_init__(self) -> None:
        for name in (self.sensors, self.home):
            interface_name(name)
        if self.sensors == self.home:
            raise SiteRefusedError(
                f"sensors and home are both on {self.home}: they need a network each, such as a "
                "VLAN (docs/sites.md)"
            )
        if not self.hub:
            raise SiteRefusedError("say where the hub is: --hub 192.168.1.10")
        for text in (*self.hub, *self.dns, *self.ntp):
            address(text)
        for port in self.ports:
            if not 0 < port <= 65535:
                raise SiteRefusedError(f"{port} is no port: 1 to 65535")
        unknown = set(self.router) - {"dhcp", "dns", "ntp"}
        if unknown:
            raise SiteRefusedError(
                f"{unknown.pop()[:40]!r} is nothing that a router answers here: dhcp, dns, ntp"
            )


def nftables(network: SensorNetwork) -> str:
    """A file for `nft -f`, loaded as a whole: a table of its own, beside any other firewall.

    What another firewall drops stays dropped; what this one drops no other lets through.
    """
    ports = "{ " + ", ".join(map(str, dict.fromkeys(network.ports))) + " }"
    to_hub = [
        line
        for one in network.hub
        for line in (
            f"{_daddr(one)} tcp dport {ports} ct state new {_hasty(one)} counter drop",
            f"{_daddr(one)} tcp dport {ports} accept",
        )
    ]
    allowed = [
        *to_hub,
        *(f"{_daddr(one)} meta l4proto {{ tcp, udp }} th dport 53 accept" for one in network.dns),
        *(f"{_daddr(one)} udp dport 123 accept" for one in network.ntp),
    ]
    to_router = []
    if network.hub_is_here:
        to_router += to_hub
    if "dhcp" in network.router:
        to_router += [f"{_DHCP} accept", f"{_DHCP6} accept"]
    if "dns" in network.router:
        to_router.append("meta l4proto { tcp, udp } th dport 53 accept")
    if "ntp" in network.router:
        to_router.append("udp dport 123 accept")
    return f"""# The sensors' own network: `dormouse site firewall`. Loaded as a whole: nft -f FILE
table inet {SENSOR_TABLE}
delete table inet {SENSOR_TABLE}
table inet {SENSOR_TABLE} {{
    # Who guesses passwords or makes up names is slowed down before the broker sees it: a sensor
    # connects once in minutes, twice when it enrols.
    set hasty4 {{ type ipv4_addr; size 65535; flags dynamic; timeout 5m; }}
    set hasty6 {{ type ipv6_addr; size 65535; flags dynamic; timeout 5m; }}
    chain forward {{
        type filter hook forward priority -5; policy accept;
        iifname "{network.sensors}" jump from_sensors
        oifname "{network.sensors}" jump to_sensors
    }}
    chain from_sensors {{
        ct state established,related accept
        {_block(allowed)}
        counter drop
    }}
    # Of all that is not the home nobody begins to talk to a sensor.
    chain to_sensors {{
        ct state established,related accept
        iifname "{network.home}" accept
        counter drop
    }}
    # What the router itself answers them.
    chain input {{
        type filter hook input priority -5; policy accept;
        iifname "{network.sensors}" jump to_router
    }}
    chain to_router {{
        ct state established,related accept
        {_NEIGHBOURS} accept
        icmp type echo-request accept
        icmpv6 type echo-request accept
        {_block(to_router)}
        counter drop
    }}
}}
"""


def openwrt(network: SensorNetwork) -> str:
    """The same for `uci batch` on OpenWrt: a zone of its own and the rules into it."""
    lines = [
        *_section("dm_sensors", "zone", {
            "name": "dm_sensors", "input": "REJECT", "output": "ACCEPT", "forward": "REJECT",
        }),
        "delete firewall.dm_sensors.device",
        f"add_list firewall.dm_sensors.device='{network.sensors}'",
        *_section("dm_home_in", "forwarding", {"src": "lan", "dest": "dm_sensors"}),
        *_rule("dm_neighbours", "IPv6 neighbours", proto="icmp", family="ipv6", dest=None),
    ]  # fmt: skip
    lines += [
        "delete firewall.dm_neighbours.icmp_type",
        *(
            f"add_list firewall.dm_neighbours.icmp_type='{one}'"
            for one in ("neighbour-solicitation", "neighbour-advertisement", "router-solicitation")
        ),
    ]
    answers = {
        "dhcp": ("dm_dhcp", "addresses", "udp", "67 547"),
        "dns": ("dm_dns", "names", "tcp udp", "53"),
        "ntp": ("dm_ntp", "time", "udp", "123"),
    }
    for what, (name, said, proto, port) in answers.items():
        if what in network.router:
            lines += _rule(name, said, proto=proto, port=port, dest=None)
    ports = " ".join(map(str, dict.fromkeys(network.ports)))
    beyond = [
        *(("hub", "the hub", one, "tcp", ports) for one in network.hub),
        *(("names", "names beyond", one, "tcp udp", "53") for one in network.dns),
        *(("time", "time beyond", one, "udp", "123") for one in network.ntp),
    ]
    for n, (kind, said, to, proto, port) in enumerate(beyond, 1):
        dest = None if kind == "hub" and network.hub_is_here else "*"
        lines += _rule(f"dm_{kind}{n}", said, proto=proto, port=port, to=to, dest=dest)
    return "\n".join([*lines, "commit firewall", ""])


def _rule(
    name: str,
    said: str,
    *,
    proto: str,
    port: str = "",
    to: str = "",
    family: str = "",
    dest: str | None,
) -> list[str]:
    options = {
        "name": f"dormouse: sensors reach {said}", "src": "dm_sensors", "dest": dest or "",
        "dest_ip": to, "proto": proto, "dest_port": port, "family": family,
        "target": "ACCEPT",
    }  # fmt: skip
    return _section(name, "rule", {key: value for key, value in options.items() if value})


def _section(name: str, kind: str, options: dict[str, str]) -> list[str]:
    return [
        f"set firewall.{name}='{kind}'",
        *(f"set firewall.{name}.{option}='{value}'" for option, value in options.items()),
    ]


def _block(rules: Sequence[str]) -> str:
    return "\n        ".join(rules) if rules else "# nothing"


def _hasty(hub: str) -> str:
    """What is true of a sensor that connects more than once a second, and 30 times at once."""
    version = address(hub).version
    source = "ip6 saddr" if version == 6 else "ip saddr"
    return f"update @hasty{version} {{ {source} limit rate over 60/minute burst 30 packets }}"


def _daddr(text: str) -> str:
    found = address(text)
    return f"{'ip6' if found.version == 6 else 'ip'} daddr {found}"


def address(text: str) -> IPv4Address | IPv6Address:
    """An address that machines of other networks can be reached at. Raises SiteRefusedError."""
    try:
        found = ip_address(text)
    except ValueError:
        raise SiteRefusedError(f"{text[:64]!r} is no IP address, such as 192.168.1.10") from None
    if found.is_link_local or "%" in text:
        raise SiteRefusedError(f"{text[:64]} is of one link alone: sensors are on another")
    return found
