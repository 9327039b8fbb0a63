"""Time zones of places, and what series did in their days."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """A place's zone, and days of zones."""
    run("0026_days.sql")
    protect("day_bin")
