"""What can go wrong on the laptop; the docstring of a class is its default message."""

from __future__ import annotations

import inspect

__all__ = [
    "ChecksumError",
    "DowngradeError",
    "EmptyFileError",
    "FileReadError",
    "FileWriteError",
    "FlashMapError",
    "FlashSizeError",
    "HostError",
    "KeyFileError",
    "NotAnImageError",
    "NotOtaBuildError",
    "TrailerError",
    "UnknownBoardError",
    "VersionError",
    "WeakKeyError",
    "WrongBoardError",
    "WrongKeyError",
]


class HostError(Exception):
    """The command could not be carried out."""

    exit_status = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (inspect.getdoc(type(self)) or "").rstrip("."))


# Files: 10 to 12.


class FileReadError(HostError):
    """The file cannot be read."""

    exit_status = 10


class EmptyFileError(HostError):
    """The file is empty."""

    exit_status = 11


class FileWriteError(HostError):
    """The file cannot be written; nothing was left behind."""

    exit_status = 12


# The flash map and images: 13 to 21.


class FlashMapError(HostError):
    """The partition table cannot be used; `line` counts from 1 (None: the table as a whole)."""

    exit_status = 13

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class NotAnImageError(HostError):
    """The file is not an ESP8266 image."""

    exit_status = 14


class NotOtaBuildError(HostError):
    """The image is not an application linked for the update slot."""

    exit_status = 15


class ChecksumError(HostError):
    """The image is damaged."""

    exit_status = 16


class TrailerError(HostError):
    """The image's trailer is damaged, or its signature is wrong."""

    exit_status = 17


class WrongBoardError(HostError):
    """The image is for another board."""

    exit_status = 18


class FlashSizeError(HostError):
    """The image is for another flash size."""

    exit_status = 19


class DowngradeError(HostError):
    """The image is older than what the device runs."""

    exit_status = 20


class VersionError(HostError):
    """The version is not of the form 1.2.3."""

    exit_status = 21


# Keys: 22 to 24.


class KeyFileError(HostError):
    """There is no usable key there, or there is one that must not be overwritten."""

    exit_status = 22


class WrongKeyError(HostError):
    """The key is not the one that is asked for."""

    exit_status = 23


class WeakKeyError(HostError):
    """The key's size or exponent is not one that a bootloader takes."""

    exit_status = 24


# Boards have status 25.


class UnknownBoardError(HostError):
    """The board is not one that is known here."""

    exit_status = 25
