"""What a day of a series says is kept as text."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """A column that is made of the others."""
    run("0030_day_cells.sql")
