"""What is declared of a table's history: values, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CLOCK", "Outside", "Removal", "TrackedTable"]

CLOCK = "clock"
"""How the table of ticks is called, behind the entity's: friend_clock."""

Outside = Literal["record", "refuse"]
Removal = Literal["record", "refuse"]


@dataclass(frozen=True, slots=True)
class TrackedTable:
    """A table whose columns are tracked; `key` and `carried` are columns that histories have too.

    `clock_of` is the table whose clock ticks: the table itself, or the one that it inherits from.
    `activity_type` is Postgres' type of an activity's key, None where ticks have none.
    """

    schema: str | None
    table: str
    clock_of: str
    key: tuple[str, ...]
    tracked: tuple[str, ...]
    carried: tuple[str, ...] = ()
    outside: Outside = "record"
    removal: Removal = "record"
    activity_type: str | None = None
    activity_required: bool = False

    @property
    def is_first(self) -> bool:
        """Whether the entity begins with a row of this table."""
        return self.clock_of == self.table
