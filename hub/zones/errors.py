"""What is refused about zones and local times."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["ZoneRefusedError"]


class ZoneRefusedError(HubError):
    """No time zone of that name, or no such local time in it."""

    http_status = 422
