"""The name of this machine's time zone."""

from __future__ import annotations

from zoneinfo import ZoneInfoNotFoundError

from tzlocal import get_localzone_name

__all__ = ["local_zone"]

# What machines without a place call it; the same zone shall have one name.
_UTC = frozenset({"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})


def local_zone() -> str:
    """As in Europe/Berlin; UTC where the machine names none, or two that contradict each other."""
    try:
        name = get_localzone_name() or "UTC"
    except ZoneInfoNotFoundError:
        return "UTC"
    return "UTC" if name in _UTC else name
