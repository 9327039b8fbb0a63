"""The name of this machine's time zone."""

from __future__ import annotations

from zoneinfo import ZoneInfoNotFoundError

from tzlocal import get_localzone_name

__all__ = ["local_zone"]


def local_zone() -> str:
    """As in Europe/Berlin; UTC where the machine names none, or two that contradict each other."""
    try:
        return get_localzone_name() or "UTC"
    except ZoneInfoNotFoundError:
        return "UTC"
