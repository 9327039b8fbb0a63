"""Packets of MQTT 5 as bytes, properties as they are given: what no client library would send."""

from __future__ import annotations

import struct

from tests.support.mqtt311 import packet

__all__ = ["connect5", "properties", "publish5", "subscribe5", "user_properties"]

# MQTT 5, 2.2.2.2.
SESSION_EXPIRY, SUBSCRIPTION_ID, WILL_DELAY, TOPIC_ALIAS, USER = 0x11, 0x0B, 0x18, 0x23, 0x26


def _text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("!H", len(data)) + data


def _length(size: int) -> bytes:
    return packet(0, bytes(size))[1 : -size or None]


def properties(*some: bytes) -> bytes:
    """Properties with their length before them."""
    body = b"".join(some)
    return _length(len(body)) + body


def user_properties(number: int, size: int = 1) -> list[bytes]:
    """So many user properties, with a name and a value of `size` bytes."""
    return [bytes([USER]) + _text(b"n" * size) + _text(b"v" * size)] * number


def connect5(
    client_id: str,
    user: str | None = None,
    password: str | None = None,
    *,
    clean: bool = True,
    with_properties: bytes = b"\x00",
    will: tuple[str, bytes, bytes] | None = None,
    will_retained: bool = False,
) -> bytes:
    """CONNECT; `will` is topic, payload and properties."""
    flags = (0x02 if clean else 0) | (0x80 if user else 0) | (0x40 if password else 0)
    tail = _text(client_id)
    if will is not None:
        flags |= 0x04 | (0x20 if will_retained else 0)
        tail += will[2] + _text(will[0]) + _text(will[1])
    tail += b"".join(_text(one) for one in (user, password) if one is not None)
    head = _text("MQTT") + bytes([5, flags]) + struct.pack("!H", 600)
    return packet(0x10, head + with_properties + tail)


def publish5(
    topic: str, payload: bytes, mid: int = 0, *, with_properties: bytes = b"\x00"
) -> bytes:
    """QoS 1 with a message id, QoS 0 without."""
    number = struct.pack("!H", mid) if mid else b""
    return packet(0x30 | (0x02 if mid else 0), _text(topic) + number + with_properties + payload)


def subscribe5(filters: list[str], mid: int, *, with_properties: bytes = b"\x00") -> bytes:
    """With QoS 1."""
    asked = b"".join(_text(one) + b"\x01" for one in filters)
    return packet(0x82, struct.pack("!H", mid) + with_properties + asked)
