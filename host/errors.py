"""What can go wrong on the laptop; the docstring of a class is its default message."""

from __future__ import annotations

import inspect

__all__ = ["HostError"]


class HostError(Exception):
    """The command could not be carried out."""

    exit_status = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (inspect.getdoc(type(self)) or "").rstrip("."))
