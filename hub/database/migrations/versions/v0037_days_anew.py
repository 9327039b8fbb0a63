"""Days are worked out anew: what a counter's fall means is another since 0033."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Nothing is lost: they are made of readings and rollups."""
    run("0037_days_anew.sql")
