"""What can go wrong while a device is set up."""

from __future__ import annotations

from pathlib import Path

from host.errors import HostError

__all__ = [
    "AnswersError",
    "DeviceSaidError",
    "DevicesFileError",
    "EndpointRefusedError",
    "NoFirmwareError",
    "NoPromptError",
    "NoTerminalError",
    "NotHeardError",
    "PlanError",
    "ProvisionError",
    "WifiError",
    "WrongKeyThriceError",
]


class ProvisionError(HostError):
    """The device could not be set up."""

    exit_status = 60


class PlanError(ProvisionError):
    """A setting is not allowed; `field` is its name, "" for a device as a whole."""

    exit_status = 61

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field
        self.problem = problem


class DevicesFileError(ProvisionError):
    """The file of devices cannot be used; nothing was written to any device."""

    exit_status = 61

    def __init__(self, path: Path, device: str, problem: str) -> None:
        super().__init__(": ".join(part for part in (str(path), device, problem) if part))
        self.device = device


class NoPromptError(ProvisionError):
    """The board does not answer at its prompt."""

    exit_status = 62

    def __init__(self, port: str) -> None:
        super().__init__(
            f"{port}: the board does not show MicroPython's prompt: press its reset button (a "
            "sleeping one does not listen) and try again; if it is new, flash it first"
        )


class DeviceSaidError(ProvisionError):
    """The device failed at what it was asked to do."""

    exit_status = 63


class NoFirmwareError(ProvisionError):
    """No Dormouse firmware is on the device."""

    exit_status = 64

    def __init__(self, device: str) -> None:
        super().__init__(
            f"{device} has no Dormouse firmware: flash it, or have it copied with --firmware"
        )


class WifiError(ProvisionError):
    """The device does not join the network; `wrong_key` if its password is why."""

    exit_status = 65

    def __init__(self, ssid: str, reason: str, *, wrong_key: bool = False) -> None:
        super().__init__(f"the device does not join {ssid!r}: {reason}")
        self.wrong_key = wrong_key


class WrongKeyThriceError(ProvisionError):
    """The WiFi password was wrong three times."""

    exit_status = 65

    def __init__(self, ssid: str) -> None:
        super().__init__(
            f"the password of {ssid!r} was wrong three times; the other answers are saved: run "
            "the command again with the right one"
        )


class EndpointRefusedError(ProvisionError):
    """The hub does not let the device in."""

    exit_status = 66


class NotHeardError(ProvisionError):
    """The device has its settings, and the hub does not hear it."""

    exit_status = 67


class NoTerminalError(ProvisionError):
    """Questions need a terminal: describe the devices in a file and name it with --file."""

    exit_status = 68


class AnswersError(ProvisionError):
    """The answers cannot be kept."""

    exit_status = 69
