"""What can go wrong between the hub and its broker."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["AccountError", "BrokerError", "NotConnectedError"]


class BrokerError(HubError):
    """The broker could not be started."""


class NotConnectedError(HubError):
    """The hub is not connected to its broker."""


class AccountError(HubError):
    """An account could not be made or changed as asked."""
