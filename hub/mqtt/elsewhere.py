"""The intake as a worker sees it that has none: others store what the devices say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from contracts.reading import Reading

__all__ = ["StoredElsewhere", "TenantElsewhere"]


class TenantElsewhere:
    """One tenant's: nothing waits here."""

    pending = 0

    def __init__(self, renumbered: Callable[[], None]) -> None:
        self._renumbered = renumbered
        self.counts: Counter[str] = Counter()

    def forget_numbers(self) -> None:
        """Those who store look the numbers of series up anew."""
        self._renumbered()


class StoredElsewhere:
    """In the place of TenantIngest; `renumbered` tells the others that a tenant has new numbers.

    `heard` gets the readings that others store.
    """

    def __init__(
        self, renumbered: Callable[[str], None], heard: Callable[[Sequence[Reading]], None]
    ) -> None:
        self._renumbered, self._heard = renumbered, heard

    def put(self, readings: Sequence[Reading], done: Callable[[], None]) -> None:
        """Nothing is to be stored here."""
        self._heard(readings)
        done()

    def of(self, tenant: str) -> TenantElsewhere:
        """A tenant's."""
        return TenantElsewhere(lambda: self._renumbered(tenant))

    def all(self) -> list[TenantElsewhere]:
        """None."""
        return []

    def stuck_since(self, tenant: str) -> datetime | None:  # noqa: ARG002  # TenantIngest's
        """Not known here."""
        return None

    async def stop(self) -> None:
        """There is nothing to commit."""
