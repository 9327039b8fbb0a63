"""A DHCP server for one device (RFC 2131): it is offered the address that is its own."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

__all__ = ["CLIENT", "LEASE_S", "SERVER", "answer"]

SERVER, CLIENT = 67, 68
"""UDP ports."""

_COOKIE = b"\x63\x82\x53\x63"
_TYPE, _MASK, _ROUTER, _DNS, _LEASE, _SERVER_ID, _END = 53, 1, 3, 6, 51, 54, 255
_REQUESTED = 50
_DISCOVER, _OFFER, _REQUEST, _ACK, _NAK = 1, 2, 3, 5, 6
LEASE_S = 12 * 3600


def answer(
    message: bytes, address: IPv4Address, gateway: IPv4Address, lease_s: int = LEASE_S
) -> bytes | None:
    """What the server says to `message`; None if it is no question for it.

    A client that asks for another address than `address`, or has it, is refused.
    """
    if len(message) < 240 or message[236:240] != _COOKIE:
        return None
    given = _options(message[240:])
    kind = {_DISCOVER: _OFFER, _REQUEST: _ACK}.get(given.get(_TYPE, b"\0")[0])
    if kind is None:
        return None
    own = message[12:16]
    fixed = struct.pack("!BBBB", 2, 1, 6, 0) + message[4:8] + bytes(4) + own
    if kind == _ACK and {own, given.get(_REQUESTED, own)} - {bytes(4), address.packed}:
        fixed += bytes(4) + gateway.packed + bytes(4) + message[28:44] + bytes(192)
        return fixed + _COOKIE + bytes([_TYPE, 1, _NAK, _SERVER_ID, 4]) + gateway.packed + b"\xff"
    fixed += address.packed + gateway.packed + bytes(4) + message[28:44] + bytes(192)
    options = {
        _TYPE: bytes([kind]),
        _SERVER_ID: gateway.packed,
        _LEASE: lease_s.to_bytes(4, "big"),
        _MASK: b"\xff\xff\xff\0",
        _ROUTER: gateway.packed,
        _DNS: gateway.packed,
    }
    packed = b"".join(bytes([code, len(value)]) + value for code, value in options.items())
    return fixed + _COOKIE + packed + bytes([_END])


def _options(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 2 and data[0] != _END:
        if data[0] == 0:
            data = data[1:]
            continue
        found[data[0]] = data[2 : 2 + data[1]] or b"\0"
        data = data[2 + data[1] :]
    return found
