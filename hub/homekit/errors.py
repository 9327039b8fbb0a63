"""What can go wrong when somebody asks the bridge for something."""

from __future__ import annotations

from hub.errors import HubError

__all__ = [
    "BridgePortTakenError",
    "UnknownControllerError",
    "UnknownDeviceError",
    "UnreachableDeviceError",
]


class UnknownDeviceError(HubError):
    """HomeKit has no such device."""

    http_status = 404

    def __init__(self, device: str) -> None:
        super().__init__(f"HomeKit has no device {device!r}: `dormouse homekit accessories` lists")
        self.device = device


class UnknownControllerError(HubError):
    """No such controller is paired."""

    http_status = 404

    def __init__(self, controller: str) -> None:
        super().__init__(f"no controller {controller!r} is paired")
        self.controller = controller


class UnreachableDeviceError(HubError):
    """A device is known to be offline."""

    def __init__(self, device: str) -> None:
        super().__init__(
            f"{device} is offline: `dormouse explain {device}` says since when, and why"
        )
        self.device = device


class BridgePortTakenError(HubError):
    """A bridge's port is taken."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"DORMOUSE_HAP_PORT: cannot listen on {host}:{port} ({reason}); end what uses it, or "
            "choose another port (0 picks a free one; further bridges take the ports after it)"
        )
        self.host, self.port = host, port
