"""Whether an address can be a device's, by what this machine knows of its neighbours."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["could_be"]

_ARP = Path("/proc/net/arp")
_ID = re.compile(r"esp8266_([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})00")


def could_be(device: str, address: str, *, arp: Path = _ARP) -> bool:
    """False only where the address is known to be another device's.

    An ESP8266's id is its chip id, lowest byte first, and that is the end of its hardware address.
    An id of another form, an unknown neighbour, a machine without Linux' table: nobody knows, True.
    """
    match = _ID.fullmatch(device)
    hardware = _hardware(address, arp)
    if match is None or hardware is None:
        return True
    return hardware.split(":")[3:] == [match[3], match[2], match[1]]


def _hardware(address: str, arp: Path) -> str | None:
    try:
        lines = arp.read_text("ascii", "replace").splitlines()[1:]
    except OSError:
        return None
    for fields in (line.split() for line in lines):
        if len(fields) >= 4 and fields[0] == address and fields[3] != "00:00:00:00:00:00":
            return fields[3].lower()
    return None
