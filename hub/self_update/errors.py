"""Why the hub is not brought to another version."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["SelfUpdateRefusedError"]


class SelfUpdateRefusedError(HubError):
    """The hub cannot be updated by a hook here; `reason` says why and what to do."""

    http_status = 409
    exit_status = 2

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
