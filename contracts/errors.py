"""What can go wrong with what device, laptop and hub agree on.

The docstring of a class is its default message. Exit statuses are those of the command line: flash
map and images 13 to 21, keys 22 to 24, updates over the air 30 to 35 (contracts/ota/errors.py).
"""

from __future__ import annotations

import inspect

__all__ = [
    "ChecksumError",
    "ContractError",
    "DormouseError",
    "DowngradeError",
    "FlashMapError",
    "FlashSizeError",
    "KeyFileError",
    "NotAnImageError",
    "NotOtaBuildError",
    "TrailerError",
    "VersionError",
    "WeakKeyError",
    "WrongBoardError",
    "WrongKeyError",
]


class DormouseError(Exception):
    """What was asked could not be done; the message is one line for a person.

    `exit_status` is that of a command which ends with it.
    """

    exit_status = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (inspect.getdoc(type(self)) or "").rstrip("."))


class ContractError(DormouseError):
    """Something is not what device, laptop and hub agree on."""


class FlashMapError(ContractError):
    """The partition table cannot be used; `line` counts from 1 (None: the table as a whole)."""

    exit_status = 13

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class NotAnImageError(ContractError):
    """The file is not an ESP8266 image."""

    exit_status = 14


class NotOtaBuildError(ContractError):
    """The image is not an application linked for the update slot."""

    exit_status = 15


class ChecksumError(ContractError):
    """The image is damaged."""

    exit_status = 16


class TrailerError(ContractError):
    """The image's trailer is damaged, or its signature is wrong."""

    exit_status = 17


class WrongBoardError(ContractError):
    """The image is for another board."""

    exit_status = 18


class FlashSizeError(ContractError):
    """The image is for another flash size."""

    exit_status = 19


class DowngradeError(ContractError):
    """The image is older than what the device runs."""

    exit_status = 20


class VersionError(ContractError):
    """The version is not of the form 1.2.3."""

    exit_status = 21


class KeyFileError(ContractError):
    """There is no usable key there, or there is one that must not be overwritten."""

    exit_status = 22


class WrongKeyError(ContractError):
    """The key is not the one that is asked for."""

    exit_status = 23


class WeakKeyError(ContractError):
    """The key's size or exponent is not one that a bootloader takes."""

    exit_status = 24
