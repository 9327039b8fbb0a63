"""A host's addresses, as this machine's resolver has them and its routes reach them."""

from __future__ import annotations

import asyncio
import contextlib
import socket

__all__ = ["reachable", "resolve"]

# s: the system's own resolver gives up after twice 5 s a server.
_LIMIT_S = 8.0


async def resolve(host: str) -> list[str]:
    """Addresses of both families, in the resolver's order; none where it fails."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LIMIT_S):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def reachable(host: str) -> list[str]:
    """Those of a host's addresses that there is a route to."""
    return [one for one in await resolve(host) if _has_route(one)]


def _has_route(address: str) -> bool:
    """Whether the kernel would send there; nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return True
    return False
