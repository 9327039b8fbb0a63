"""What can go wrong when somebody asks the bridge for something."""

from __future__ import annotations

from hub.errors import HubError

__all__ = ["UnknownDeviceError"]


class UnknownDeviceError(HubError):
    """HomeKit has no such device."""

    def __init__(self, device: str) -> None:
        super().__init__(f"HomeKit has no device {device!r}: `dormouse homekit accessories` lists")
        self.device = device
