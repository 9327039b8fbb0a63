"""What a device may be given as its hub's address: one rule for laptop and hub."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

__all__ = ["MAX_HOST", "MAX_HOSTS", "host_problem", "is_local"]

MAX_HOST = 64
"""Characters that the device's setting `host` takes (firmware/dormouse/settings.py)."""
MAX_HOSTS = 128
"""Characters that its setting `brokers` takes, with commas."""

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBERS = re.compile(r"[0-9.]+")


def host_problem(host: str) -> str:
    """Why it cannot be the address of one machine, "" if it can: IPv4, or a host name."""
    if _NUMBERS.fullmatch(host):
        try:
            address = IPv4Address(host)
        except ValueError:
            return f"{host!r} is no address: it is like 192.168.1.7, or a host name"
        # 0 is this network; from 224 on are groups, and everybody.
        if not 0 < address.packed[0] < 224:
            return f"{host} is no machine's address"
        return ""
    if len(host) > MAX_HOST or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        return f"{host[:80]!r} is no address: it is like 192.168.1.7, hub.lan or NAME.local"
    return ""


def is_local(host: str) -> bool:
    """Whether it is NAME.local, which is asked for by multicast DNS."""
    return host.lower().endswith(".local")
