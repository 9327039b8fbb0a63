"""What people are refused."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["PasswordError"]


class PasswordError(HubError):
    """The password does not do."""
