"""What can go wrong in the hub; the docstring of a class is its default message."""

from __future__ import annotations

import inspect
from typing import ClassVar

__all__ = ["HubError", "SettingsError"]


class HubError(Exception):
    """The hub could not do what was asked."""

    exit_status: ClassVar[int] = 1  # of the command that failed by it
    # What a person can do differently is 4xx; where no leaf says which, it does not go with what
    # there is. 503: the database is away.
    http_status: ClassVar[int] = 409

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (inspect.getdoc(type(self)) or "").rstrip("."))


class SettingsError(HubError):
    """A setting has a value that is not allowed."""

    http_status = 422
    exit_status = 2
