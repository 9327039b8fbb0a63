"""What becomes of a message once its readings are safe, and before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Receipt"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Called once a message's readings are committed.

    `release` lets the broker forget the message before that, any number of times: for readings
    that cannot be stored now and would keep others' messages waiting. None: the broker has
    forgotten it already (QoS 0), so that nobody but us bounds how many there are.
    """

    done: Callable[[], None]
    release: Callable[[], None] | None

    def __call__(self) -> None:
        """The readings are committed."""
        self.done()
