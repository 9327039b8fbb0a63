"""What the driver says when the database cannot be reached, as an error of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from hub.database.errors import (
    DatabaseAwayError,
    DatabaseError,
    DatabaseFullError,
    RefusedValueError,
    WriteConflictError,
)

__all__ = ["translated"]

# The database ends the connection: it stops, or has crashed.
_FATAL = ("FATAL", "PANIC")
# Operational by the driver's classes too, but what the database answers to a query of ours: it
# took too long, or is larger than it takes: SQLSTATEs, and a class of them.
_ANSWERS = ("57014", "54")
_FULL = "53100"
# The server became a standby, or its owner lets nobody write: another takes writes, or it will.
_READ_ONLY = "25006"
# Deadlocks and failures of serialization (a class), a lock that was waited for in vain.
_CONFLICT = ("40", "55P03")


@contextmanager
def translated() -> Iterator[None]:
    """Within the block the driver's failures are this package's.

    DatabaseAwayError: no connection, none that is free, a server that starts or stops; the same
    again may succeed. DatabaseFullError: its disk is full. WriteConflictError: two writers in each
    other's way. RefusedValueError: a
    value that its column cannot hold. Everything else is the caller's query, and goes through as
    it is.
    """
    try:
        yield
    except psycopg.Error as error:
        translated = _translation(error)
        if translated is None:
            raise
        raise translated from error


def _translation(error: psycopg.Error) -> DatabaseError | None:
    state = error.sqlstate or ""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    if error.diag.severity_nonlocalized in _FATAL or state == _READ_ONLY:
        return DatabaseAwayError(line)
    if isinstance(error, psycopg.DataError):
        return RefusedValueError(line)
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return None
    if state.startswith(_ANSWERS):
        return None
    if state == _FULL:
        return DatabaseFullError(line)
    return WriteConflictError(line) if state.startswith(_CONFLICT) else DatabaseAwayError(line)
