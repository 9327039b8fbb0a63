"""What a WiFi network's name and password can be: one rule for laptop and hub."""

from __future__ import annotations

import re

__all__ = ["has_control", "key_problem", "ssid_problem"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")


def has_control(text: str) -> bool:
    """Whether a text has characters that nobody sees, or halves of some."""
    return _CONTROL.search(text) is not None


def ssid_problem(ssid: str) -> str:
    """Why it cannot be a network's name, "" if it can: 1 to 32 bytes of UTF-8 (IEEE 802.11)."""
    if has_control(ssid):
        return "a network's name has no control characters"
    size = len(ssid.encode())
    if not 1 <= size <= 32:
        return f"a network's name has 1 to 32 bytes of UTF-8, this one {size}"
    return ""


def key_problem(key: str) -> str:
    """Why it cannot be a password, "" if it can: WPA2's, or "" for an open network.

    8 to 63 printable ASCII characters, or the key itself as 64 hexadecimal digits.
    """
    plain = key.isascii() and key.isprintable() and 8 <= len(key) <= 63
    if not key or plain or _HEX_KEY.fullmatch(key):
        return ""
    return "a password has 8 to 63 characters without accents, or is 64 hexadecimal digits"
