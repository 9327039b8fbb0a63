"""What can go wrong in the hub; the docstring of a class is its default message."""

from __future__ import annotations

from contracts.errors import DormouseError

__all__ = ["HubError", "SettingsError"]


class HubError(DormouseError):
    """The hub could not do what was asked."""


class SettingsError(HubError):
    """A setting has a value that is not allowed."""

    exit_status = 2
