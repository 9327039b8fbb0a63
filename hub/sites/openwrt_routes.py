"""Routes by name on OpenWrt, by its own dnsmasq (dnsmasq-full) and firewall."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from hub.sites.named_routes import MARK, TABLE_NUMBER

__all__ = ["script"]


def script(interface: str, names: Sequence[str]) -> str:
    """A shell script that sets it up, and with `check` says what is missing after an update.

    Its settings are in /etc/config, which an update keeps; packages are not, and the file of
    nftables is named in /etc/sysupgrade.conf for it.
    """
    text = resources.files("hub.sites").joinpath("templates/openwrt-routes").read_text("utf-8")
    marked = "\n".join(
        f"  {family} daddr @dm_hosts{version} meta mark set {MARK:#x}"
        for family, version in (("ip", 4), ("ip6", 6))
    )
    domains = "\n".join(f"add_list dhcp.dm_hosts.domain='{name}'" for name in names)
    for placeholder, value in {
        "@TUNNEL@": interface,
        # uci's names of sections have no dashes.
        "@INTERFACE@": interface.replace("-", "_"),
        "@MARK@": f"{MARK:#x}",
        "@TABLE@": str(TABLE_NUMBER),
        "@DOMAINS@": domains,
        "@MARKED@": marked,
    }.items():
        text = text.replace(placeholder, value)
    return text
