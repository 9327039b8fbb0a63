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
    "BrokerHeldError",
    "BrokerPortTakenError",
    "NotConnectedError",
    "PublishRefusedError",
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


class BrokerHeldError(BrokerError):
    """Another hub uses the broker."""

    exit_status = 4
    cluster = broker = ""

    def __init__(self, *, host: str, pid: str, version: str, since: str) -> None:
        self.who = f"a hub on {host} (pid {pid}, version {version}, since {since})"
        super().__init__(
            f"another hub uses this broker: {self.who}; end it first, or start this one with "
            "--standby true, and it takes over when the other ends"
        )


class BrokerTwiceError(BrokerError):
    """Two names of DORMOUSE_MQTT_URL lead to the same broker."""

    exit_status = 4

    def __init__(self, one: str, other: str) -> None:
        super().__init__(
            f"DORMOUSE_MQTT_URL: {one} and {other} are the same broker: name it once, and in the "
            "same way for every worker"
        )


class PublishRefusedError(HubError):
    """The broker does not take a message of this account."""


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
