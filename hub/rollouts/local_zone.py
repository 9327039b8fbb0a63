"""The name of this machine's time zone."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["local_zone"]

_LOCALTIME = Path("/etc/localtime")


def local_zone() -> str:
    """As in Europe/Berlin: from TZ, or where /etc/localtime leads; UTC where neither says."""
    names = [os.environ.get("TZ", "").removeprefix(":")]
    parts = str(_LOCALTIME.resolve()).partition("zoneinfo/")
    names.append(parts[2])
    for name in names:
        try:
            if name and ZoneInfo(name):
                return name
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"
