"""What can go wrong on the laptop; the docstring of a class is its default message."""

from __future__ import annotations

from contracts.errors import DormouseError

__all__ = [
    "EmptyFileError",
    "FileReadError",
    "FileWriteError",
    "HostError",
    "TableError",
    "UnknownBoardError",
]


class HostError(DormouseError):
    """The command could not be carried out."""


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


# Boards, and lists of boards and drivers: 25 and 26.


class UnknownBoardError(HostError):
    """The board is not one that is known here."""

    exit_status = 25


class TableError(HostError):
    """A list of boards or drivers cannot be used."""

    exit_status = 26
