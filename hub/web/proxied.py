"""Who asks, where a reverse proxy asks for them.

Anybody may send X-Forwarded-For, and a proxy that was not told otherwise hands on what it was sent.
So what it says counts from proxies that are named alone; without that all who come by one have its
address, and share what an address is allowed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["proxied"]

_Scope = MutableMapping[str, Any]
_Application = Callable[[_Scope, Any, Any], Awaitable[None]]


def proxied(application: _Application, proxies: str) -> _Application:
    """Requests as the `proxies`, networks separated by commas, say whose they are.

    Whether they came by TLS to a proxy is taken from any: who makes that up harms nobody else, for
    it marks cookies of their own.
    """
    named = [ipaddress.ip_network(one.strip()) for one in proxies.split(",") if one.strip()]

    def is_named(host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in one for one in named)

    async def ask(scope: _Scope, receive: Any, send: Any) -> None:
        client = scope.get("client")
        if client and is_named(client[0]):
            said = b",".join(v for k, v in scope["headers"] if k == b"x-forwarded-for")
            # Each proxy writes behind what it was sent: the last that is none of ours is who asks.
            asked = (one.strip() for one in reversed(said.decode("latin-1").split(",")))
            who = _address(next((one for one in asked if not is_named(one)), ""))
            if who is not None:
                scope["client"] = (str(who), 0)
        if (b"x-forwarded-proto", b"https") in scope.get("headers", ()):
            scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
        await application(scope, receive, send)

    return ask


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    # So IPv4 comes to a socket of both (DORMOUSE_HOST=::).
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
