"""TCP sockets to listen on, also at an address that this machine does not have yet."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
import sys
from pathlib import Path

__all__ = ["away", "bound", "is_here", "steady_port"]

# Linux' IP_FREEBIND and IPV6_FREEBIND, which Python does not name: an address that comes later
# (DHCP, a cable, a VPN) is listened on from the moment at which it is there.
_FREE_BIND = {
    socket.AF_INET: (socket.IPPROTO_IP, 15),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 78),
}

# The ports that Linux gives to who connects, or asks for any, as "32768 60999" (ip-sysctl).
_GIVEN = Path("/proc/sys/net/ipv4/ip_local_port_range")
_STEADY = 2000  # ports below those


def bound(host: str, port: int, *, only_ipv6: bool = False) -> socket.socket:
    """A socket bound to an address and a port; port 0 picks a free one.

    Where the system lets us (Linux) the address need not be there. `only_ipv6`: `::` without IPv4.
    Raises OSError.
    """
    family = _family(host)
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if only_ipv6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if sys.platform == "linux":
            listening.setsockopt(*_FREE_BIND[family], 1)
        listening.bind((host, port))
    except BaseException:
        listening.close()
        raise
    return listening


def steady_port(host: str) -> int:
    """A port that is free now, and that the system gives to nobody while its owner is away.

    Where the system does not say which those are, or there are none, any free one. Raises OSError.
    """
    with contextlib.suppress(OSError, ValueError):
        lowest = int(_GIVEN.read_text("ascii").split()[0])
        for port in random.sample(range(max(1024, lowest - _STEADY), lowest), 20):
            with contextlib.suppress(OSError), contextlib.closing(bound(host, port)):
                return port
    with contextlib.closing(bound(host, 0)) as probe:
        return int(probe.getsockname()[1])


def is_here(host: str) -> bool:
    """Whether this machine has the address now (or it means all of them)."""
    try:
        with contextlib.closing(socket.socket(_family(host), socket.SOCK_STREAM)) as probe:
            probe.bind((host, 0))
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def away(host: str) -> str:
    """What people are told while it is not."""
    return (
        f"DORMOUSE_HOST={host}: this machine has no such address now, so nobody reaches the hub "
        "there until it has (`ip address` lists what there is; 0.0.0.0 means all)"
    )


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
