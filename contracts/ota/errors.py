"""What can go wrong while an update is signed or streamed."""

from __future__ import annotations

from host.errors import HostError

__all__ = [
    "AmbiguousDeviceError",
    "CannedFileError",
    "LostError",
    "NoAnswerError",
    "NonsenseError",
    "RefusedError",
]


class CannedFileError(HostError):
    """The .ota file is damaged."""

    exit_status = 30


class NoAnswerError(HostError):
    """No device answers."""

    exit_status = 31


class NonsenseError(HostError):
    """Something answers that is no OTA server."""

    exit_status = 32


class LostError(HostError):
    """The device went silent in the middle of the update."""

    exit_status = 33


class RefusedError(HostError):
    """The device took every byte and then came back asking for an update."""

    exit_status = 34


class AmbiguousDeviceError(HostError):
    """More than one device answers."""

    exit_status = 35
