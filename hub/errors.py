"""What can go wrong in the hub; the docstring of a class is its default message."""

from __future__ import annotations

from typing import ClassVar

from contracts.errors import DormouseError

__all__ = ["HubError", "SettingsError"]


class HubError(DormouseError):
    """The hub could not do what was asked."""

    # What a person can do differently is 4xx; where no leaf says which, it does not go with what
    # there is. 503: the database is away.
    http_status: ClassVar[int] = 409


class SettingsError(HubError):
    """A setting has a value that is not allowed."""

    http_status = 422
    exit_status = 2
