"""MicroPython's sockets of a Unix system: addresses as `getaddrinfo` gives them, for IPv4."""

from __future__ import annotations

from socket import (
    AF_INET,
    SO_REUSEADDR,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
    inet_aton,
    socket,
)
from socket import getaddrinfo as _getaddrinfo
from typing import Any

__all__ = [
    "AF_INET", "SOCK_DGRAM", "SOCK_STREAM", "SOL_SOCKET", "SO_REUSEADDR", "getaddrinfo",
    "sockaddr", "socket",
]  # fmt: skip


def getaddrinfo(host: str, port: int, family: int = AF_INET) -> list[tuple[Any, ...]]:
    """What a name stands for. Raises OSError."""
    return list(_getaddrinfo(host, port, family))


def sockaddr(address: tuple[str, int]) -> tuple[int, bytes, int]:
    """An address taken apart: family, the 4 bytes of the host, port."""
    return AF_INET, inet_aton(address[0]), address[1]
