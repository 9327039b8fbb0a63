"""What can go wrong while an update is signed or streamed."""

from __future__ import annotations

from contracts.errors import ContractError

__all__ = [
    "AmbiguousDeviceError",
    "CannedFileError",
    "LostError",
    "NoAnswerError",
    "NonsenseError",
    "RefusedError",
]


class CannedFileError(ContractError):
    """The .ota file is damaged."""

    exit_status = 30


class NoAnswerError(ContractError):
    """No device answers."""

    exit_status = 31


class NonsenseError(ContractError):
    """Something answers that is no OTA server."""

    exit_status = 32


class LostError(ContractError):
    """The device went silent in the middle of the update."""

    exit_status = 33


class RefusedError(ContractError):
    """The device took every byte and then came back asking for an update."""

    exit_status = 34


class AmbiguousDeviceError(ContractError):
    """More than one device answers."""

    exit_status = 35
