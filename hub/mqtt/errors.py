"""What can go wrong between the hub and its broker."""

from __future__ import annotations

import errno
from pathlib import Path

from hub.errors import HubError
from hub.mqtt.ports import holder
from hub.runtime.listening import away

__all__ = [
    "AccountError",
    "AccountFilesError",
    "AddressAwayError",
    "BrokerError",
    "BrokerPortTakenError",
    "NotConnectedError",
]


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


class AddressAwayError(BrokerError):
    """This machine does not have the address that is to be listened on."""

    def __init__(self, host: str) -> None:
        super().__init__(away(host))
        self.host = host


class NotConnectedError(HubError):
    """The hub is not connected to its broker."""


class AccountError(HubError):
    """An account could not be made or changed as asked."""


class AccountFilesError(HubError):
    """The broker cannot be told of an account: its files cannot be written."""

    http_status = 507

    def __init__(self, folder: Path, error: OSError) -> None:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        remedy = "make room on that disk" if full else "mend who may write there"
        super().__init__(
            f"the broker cannot be told: {folder} cannot be written ({error.strerror}); "
            f"{remedy}, and try again"
        )
