"""The database's refusals as typed exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from hub.database.errors import (
    CycleError,
    DatabaseError,
    DuplicateNameError,
    ForeignRowError,
    OverlapError,
    RefusedValueError,
)

__all__ = ["refusal", "typed"]

_OVERLAPS = {
    "placement_once_at_a_time": "a device is in one place at a time",
    "calibration_once_at_a_time": "a series has one calibration at a time",
}


@contextmanager
def typed() -> Iterator[None]:
    """Within the block what the database refuses by a rule is raised as a DatabaseError."""
    try:
        yield
    except Exception as error:
        translated = refusal(error)
        if translated is None:
            raise
        raise translated from error


def refusal(error: Exception) -> DatabaseError | None:
    """The typed form of a driver's error, None when it is no rule of ours."""
    # SQLAlchemy's errors carry the driver's; loading it to name its class would take 11 MB.
    cause = getattr(error, "orig", error)
    if not isinstance(cause, psycopg.Error):
        return None
    rule = cause.diag.constraint_name or ""
    message = cause.diag.message_primary or str(cause)
    where = f"{cause.diag.table_name}: {cause.diag.message_detail}"
    translated: DatabaseError | None = None
    if isinstance(cause, pg.ExclusionViolation):
        translated = OverlapError(_OVERLAPS.get(rule, rule), cause.diag.message_detail or message)
    elif rule.endswith("_is_a_tree"):
        translated = CycleError(message)
    elif isinstance(cause, pg.CheckViolation | psycopg.DataError):
        translated = RefusedValueError(message)
    elif isinstance(cause, pg.UniqueViolation):
        translated = DuplicateNameError(where)
    elif isinstance(cause, pg.ForeignKeyViolation):
        translated = ForeignRowError(where)
    elif isinstance(cause, pg.InsufficientPrivilege) and "row-level security" in message:
        translated = ForeignRowError(f"{message} (no tenant set, or another tenant's row)")
    return translated
