"""A new site's files: for wg-quick on the hub and the gateway, for OpenWrt's uci. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hub.sites.keys import KeyPair
from hub.sites.model import MadeFile, Site

__all__ = ["KEEPALIVE_S", "files"]

KEEPALIVE_S = 25
"""Shorter than the 30 s after which the hastiest routers forget a connection of UDP."""


def files(site: Site, hub: KeyPair, gateway: KeyPair, shared: str) -> tuple[MadeFile, ...]:
    """Each with a private key in it: mode 0600, shown once."""
    return (
        MadeFile(
            f"{site.interface}.conf",
            _hub(site, hub, shared),
            f"on the hub's machine: /etc/wireguard/{site.interface}.conf, then "
            f"`systemctl enable --now wg-quick@{site.interface}`",
        ),
        MadeFile(
            f"{_gateway_interface(site)}.conf",
            gateway_conf(site, gateway, shared),
            f"on the site's gateway, or scanned by a phone: /etc/wireguard/"
            f"{_gateway_interface(site)}.conf, then "
            f"`systemctl enable --now wg-quick@{_gateway_interface(site)}`",
        ),
        MadeFile(
            f"{site.name}-openwrt.uci",
            _uci(site, gateway, shared),
            "on an OpenWrt router instead: `opkg install wireguard-tools`, then "
            f"`uci batch < {site.name}-openwrt.uci && reload_config`",
        ),
    )


def _gateway_interface(site: Site) -> str:
    return f"dm-{site.name}"[:15].rstrip("-")


def _hub(site: Site, hub: KeyPair, shared: str) -> str:
    lines = [
        f"# The hub's end of the tunnel to {site.name}; the site's networks are routed into it.",
        "[Interface]",
        f"Address = {site.hub_address}/32",
        f"ListenPort = {_port(site)}",
        f"PrivateKey = {hub.private}",
        "",
        "[Peer]",
        f"PublicKey = {site.site_key}",
        f"PresharedKey = {shared}",
        f"AllowedIPs = {_list([f'{site.site_address}/32', *site.networks])}",
    ]
    if site.site_endpoint:
        lines += [f"Endpoint = {site.site_endpoint}"]
    return "\n".join([*lines, f"PersistentKeepalive = {KEEPALIVE_S}", ""])


def gateway_conf(site: Site, gateway: KeyPair, shared: str) -> str:
    """The site's end, as wg-quick and the phone's app read it."""
    lines = [
        f"# The end of {site.name}; it reaches the hub"
        + (f" and {_list(site.home)}." if site.home else " and nothing else of the home."),
        "[Interface]",
        f"Address = {site.site_address}/32",
    ]
    if site.site_endpoint:
        lines += [f"ListenPort = {site.site_endpoint.rpartition(':')[2]}"]
    return "\n".join([
        *lines,
        f"PrivateKey = {gateway.private}",
        "",
        "[Peer]",
        f"PublicKey = {site.hub_key}",
        f"PresharedKey = {shared}",
        f"AllowedIPs = {_list([f'{site.hub_address}/32', *site.home])}",
        f"Endpoint = {site.endpoint}",
        f"PersistentKeepalive = {KEEPALIVE_S}",
        "",
    ])  # fmt: skip


def _uci(site: Site, gateway: KeyPair, shared: str) -> str:
    """For `uci batch`; run again it changes the same sections."""
    # uci's names of sections have no dashes.
    interface = f"dm_{site.name}".replace("-", "_")[:15]
    host, _, port = site.endpoint.rpartition(":")
    peer = f"{interface}_hub"
    lines = [
        _set(f"network.{interface}", "interface"),
        _set(f"network.{interface}.proto", "wireguard"),
        _set(f"network.{interface}.private_key", gateway.private),
        f"delete network.{interface}.addresses",
        f"add_list network.{interface}.addresses='{site.site_address}/32'",
        _set(f"network.{peer}", f"wireguard_{interface}"),
        _set(f"network.{peer}.description", "the hub"),
        _set(f"network.{peer}.public_key", site.hub_key),
        _set(f"network.{peer}.preshared_key", shared),
        _set(f"network.{peer}.endpoint_host", host.strip("[]")),
        _set(f"network.{peer}.endpoint_port", port),
        _set(f"network.{peer}.persistent_keepalive", str(KEEPALIVE_S)),
        _set(f"network.{peer}.route_allowed_ips", "1"),
        f"delete network.{peer}.allowed_ips",
        *(
            f"add_list network.{peer}.allowed_ips='{one}'"
            for one in (f"{site.hub_address}/32", *site.home)
        ),
        _set("firewall.dm_tunnel", "zone"),
        _set("firewall.dm_tunnel.name", "dm_tunnel"),
        _set("firewall.dm_tunnel.network", interface),
        _set("firewall.dm_tunnel.input", "REJECT"),
        _set("firewall.dm_tunnel.forward", "REJECT"),
        _set("firewall.dm_tunnel.output", "ACCEPT"),
    ]
    for name, (source, target) in {
        "dm_out": ("lan", "dm_tunnel"), "dm_in": ("dm_tunnel", "lan")
    }.items():  # fmt: skip
        lines += [
            _set(f"firewall.{name}", "forwarding"),
            _set(f"firewall.{name}.src", source),
            _set(f"firewall.{name}.dest", target),
        ]
    if site.site_endpoint:
        its_port = site.site_endpoint.rpartition(":")[2]
        lines += [
            _set(f"network.{interface}.listen_port", its_port),
            _set("firewall.dm_dialled", "rule"),
            _set("firewall.dm_dialled.name", "dormouse: the hub dials"),
            _set("firewall.dm_dialled.src", "wan"),
            _set("firewall.dm_dialled.proto", "udp"),
            _set("firewall.dm_dialled.dest_port", its_port),
            _set("firewall.dm_dialled.target", "ACCEPT"),
        ]
    return "\n".join([*lines, "commit network", "commit firewall", ""])


def _set(option: str, value: str) -> str:
    return f"set {option}='{value}'"


def _port(site: Site) -> int:
    return int(site.endpoint.rpartition(":")[2])


def _list(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
