"""The networks that this machine is in."""

from __future__ import annotations

import re
from ipaddress import ip_interface

import ifaddr

from hub.sites.networks import IpNetwork

__all__ = ["own_networks"]

# Tunnels of our own, which have no network but their end's address.
_OURS = re.compile(r"dm\d+-.*")


def own_networks() -> list[tuple[str, list[IpNetwork]]]:
    """By interface, said as whose they are: `the home itself (eth0)`; no loopback, no link-local.

    Containers' bridges count too: what is routed there does not come into a tunnel.
    """
    found: dict[str, list[IpNetwork]] = {}
    for adapter in ifaddr.get_adapters():
        if _OURS.fullmatch(adapter.nice_name):
            continue
        for one in adapter.ips:
            address = one.ip if isinstance(one.ip, str) else one.ip[0]
            network = ip_interface(f"{address}/{one.network_prefix}").network
            if not network.is_loopback and not network.is_link_local:
                found.setdefault(f"the home itself ({adapter.nice_name})", []).append(network)
    return list(found.items())
