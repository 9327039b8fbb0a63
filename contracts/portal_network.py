"""The WiFi network that a device's portal opens: what it is called, and whose it is."""

from __future__ import annotations

import re

__all__ = ["PREFIX", "network_name", "tells"]

PREFIX = "dormouse-"

# The chip's id has 24 bits, printed lowest byte first in 32: the last two digits are 00 on every
# ESP8266 and the two before them the same on a whole reel, so neither tells devices apart.
_ID = re.compile(r"esp8266_([0-9a-f]{6})[0-9a-f]{2}")


def network_name(device: str) -> str | None:
    """`dormouse-15c5d0` for `esp8266_15c5d000`; None for an id that our firmware does not make."""
    match = _ID.fullmatch(device)
    return PREFIX + match[1] if match else None


def tells(typed: str, device: str) -> bool:
    """Whether somebody typed the name of the device's network (its end will do) or its whole id."""
    text = typed.strip().lower()
    name = network_name(device)
    return text == device.lower() or (
        name is not None and name == PREFIX + text.removeprefix(PREFIX)
    )
