"""A lease that a worker has, or will have: what goes on while it has it, and what no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from hub.database.lease.errors import LeaseLostError
from hub.database.lease.fence import Fence

__all__ = ["HeldLease", "LeaseGuard"]

T = TypeVar("T")


class LeaseGuard:
    """For what goes on while the worker `mark` has the lease `name`; may be made before it has.

    `is_sure` says whether it has it and the database answered a moment ago; `fence` keeps others
    from committing under it.
    """

    def __init__(self, name: str, mark: str, is_sure: Callable[[], bool]) -> None:
        self.name, self._is_sure = name, is_sure
        self.fence = Fence(name, mark)

    @property
    def sure(self) -> bool:
        """Whether it was ours a moment ago: a process that slept does not know."""
        return self._is_sure()

    def only_while(self, value: T) -> Callable[[], T]:
        """Gives the value while the lease is ours; raises LeaseLostError otherwise."""

        def while_held() -> T:
            if not self.sure:
                raise LeaseLostError(self.name)
            return value

        return while_held


class HeldLease(LeaseGuard):
    """Ours until `lost` is set."""

    def __init__(self, name: str, mark: str, is_sure: Callable[[], bool]) -> None:
        super().__init__(name, mark, is_sure)
        self.lost = asyncio.Event()

    @property
    def sure(self) -> bool:
        """See LeaseGuard.sure."""
        return not self.lost.is_set() and super().sure
