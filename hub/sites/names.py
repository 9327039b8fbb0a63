"""What sites and ends of tunnels may be called. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from hub.sites.errors import SiteRefusedError

__all__ = ["HOST", "endpoint", "interface_name", "is_address", "is_host", "site_name"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")
# As the kernel takes them, 15 characters, and none that a rule set would read otherwise.
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
"""A host's name; it goes into configuration files, so nothing else may."""


def site_name(text: str) -> str:
    """A site's name: it becomes a part of files' and interfaces'. Raises SiteRefusedError."""
    if not _NAME.fullmatch(text):
        raise SiteRefusedError(
            f"{text[:64]!r} cannot be a site's name: 1 to 30 small letters, digits and dashes, "
            "such as beach"
        )
    return text


def interface_name(text: str) -> str:
    """A network interface's name; it goes into rule sets and scripts. Raises SiteRefusedError."""
    if not _INTERFACE.fullmatch(text):
        raise SiteRefusedError(f"{text[:40]!r} is no interface's name, such as eth0.20")
    return text


def is_address(text: str) -> bool:
    """Whether it is an IP address, with or without the brackets of a port's."""
    try:
        return bool(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False


def is_host(text: str) -> bool:
    """Whether it is a host's name, or an address, that may stand in a configuration file."""
    try:
        return "%" not in text and bool(ip_address(text))
    except ValueError:
        # A name of digits alone is a mistyped address.
        return len(text) <= 253 and bool(HOST.fullmatch(text)) and not re.fullmatch(r"[\d.]+", text)


def endpoint(text: str, port: int, whose: str) -> str:
    """`host:port` of `host`, `host:port`, `[address]:port` or an address.

    `port` where the text has none, `whose` for the refusal. Raises SiteRefusedError.
    """
    stripped = text.strip()
    host, given = stripped, str(port)
    if stripped.startswith("["):
        host, closed, rest = stripped[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            host = ""
        given = rest[1:] if rest else given
    elif stripped.count(":") == 1:
        host, _, given = stripped.partition(":")
    well_formed = re.fullmatch(r"[1-9]\d{0,4}", given) and int(given) <= 65535
    if not well_formed or not is_host(host):
        raise SiteRefusedError(
            f"{text[:64]!r} cannot be where {whose} is found: write a host's name or an address, "
            "and a port if it is not the usual one, such as home.example.org:51820"
        )
    is_six = ":" in host and isinstance(ip_address(host), IPv6Address)
    return f"[{host}]:{given}" if is_six else f"{host}:{given}"
