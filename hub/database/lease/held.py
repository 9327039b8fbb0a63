"""A lease that a worker has: what goes on while it has it, and stops when another took it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from hub.database.lease.errors import LeaseLostError
from hub.database.lease.fence import Fence

__all__ = ["HeldLease"]

T = TypeVar("T")


class HeldLease:
    """Ours until `lost` is set; `is_sure` says whether the database answered a moment ago."""

    def __init__(self, name: str, mark: str, is_sure: Callable[[], bool]) -> None:
        self.name, self._is_sure = name, is_sure
        self.lost = asyncio.Event()
        self.fence = Fence(name, mark)

    @property
    def sure(self) -> bool:
        """Whether it was ours a moment ago: a process that slept does not know."""
        return not self.lost.is_set() and self._is_sure()

    def only_while(self, value: T) -> Callable[[], T]:
        """Gives the value while the lease is ours; raises LeaseLostError otherwise."""

        def while_held() -> T:
            if not self.sure:
                raise LeaseLostError(self.name)
            return value

        return while_held
