"""MicroPython's hints to its compiler, which mean nothing here."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["const"]

T = TypeVar("T")


def const(value: T) -> T:
    """The value."""
    return value
