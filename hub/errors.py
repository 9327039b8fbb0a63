"""What can go wrong in the hub; the docstring of a class is its default message."""

from __future__ import annotations

import inspect

__all__ = ["HubError", "SettingsError"]


class HubError(Exception):
    """The hub could not do what was asked."""

    exit_status = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (inspect.getdoc(type(self)) or "").rstrip("."))


class SettingsError(HubError):
    """A setting has a value that is not allowed."""

    exit_status = 2
