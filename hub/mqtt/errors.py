"""What can go wrong between the hub and its broker."""

from __future__ import annotations

from hub.errors import HubError
from hub.mqtt.ports import holder

__all__ = ["AccountError", "BrokerError", "BrokerPortTakenError", "NotConnectedError"]


class BrokerError(HubError):
    """The broker could not be started."""


class BrokerPortTakenError(BrokerError):
    """Another process listens on a port that we need."""

    def __init__(self, port: int) -> None:
        by = holder(port)
        super().__init__(
            f"port {port} is taken{f' by {by}' if by else ''}: end that, choose another port "
            "(--mqtt-port, --enrol-port, --mqtts-port), or name a broker that runs (--mqtt-url)"
        )
        self.port = port


class NotConnectedError(HubError):
    """The hub is not connected to its broker."""


class AccountError(HubError):
    """An account could not be made or changed as asked."""
