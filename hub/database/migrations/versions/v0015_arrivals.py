"""Readings that were dated by a clock that may be set yet can be dated again."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """A table of what is to be dated again, and the function that does it."""
    run("0015_arrivals.sql")
    protect("arrival")
