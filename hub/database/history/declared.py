"""What is declared of a table's history: values, without I/O."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

__all__ = ["CLOCK", "Outside", "Removal", "TrackedTable", "clock_name", "history_name", "shortened"]

_LONGEST = 63  # bytes of a name in Postgres: NAMEDATALEN - 1

CLOCK = "clock"
"""How the table of ticks is called, behind the entity's: friend_clock."""

Outside = Literal["record", "refuse"]
Removal = Literal["record", "refuse"]


@dataclass(frozen=True, slots=True)
class TrackedTable:
    """A table whose columns are tracked; `key` and `carried` are columns that histories have too.

    `own_key` is what the table itself calls the columns of the key: a joined one may otherwise.
    `clock_of` is the table whose clock ticks: the table itself, or the one that it inherits from.
    `without_equality` are those tracked whose type cannot be compared (json): as text they can.
    `activity_type` is Postgres' type of an activity's key, None where ticks have none.
    """

    schema: str | None
    table: str
    clock_of: str
    key: tuple[str, ...]
    own_key: tuple[str, ...]
    tracked: tuple[str, ...]
    carried: tuple[str, ...] = ()
    outside: Outside = "record"
    removal: Removal = "record"
    without_equality: tuple[str, ...] = ()
    activity_type: str | None = None
    activity_required: bool = False
    partitioned: bool = False

    @property
    def is_first(self) -> bool:
        """Whether the entity begins with a row of this table."""
        return self.clock_of == self.table


def shortened(name: str) -> str:
    """A name that Postgres takes as it is: one beyond 63 bytes ends in a digest of the whole."""
    written = name.encode()
    if len(written) <= _LONGEST:
        return name
    digest = hashlib.sha256(written).hexdigest()[:8]
    return f"{written[: _LONGEST - 9].decode(errors='ignore')}_{digest}"


def clock_name(table: str) -> str:
    """What the table of an entity's ticks is called: friend_clock."""
    return shortened(f"{table}_{CLOCK}")


def history_name(table: str, column: str) -> str:
    """What the table of a column's values is called: friend_location_history."""
    return shortened(f"{table}_{column}_history")
