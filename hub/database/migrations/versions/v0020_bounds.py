"""What one device says costs little, and nothing is stored twice when it comes in another order."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """The function that stores readings, and what bounds what is kept of their numbers."""
    run("0020_bounds.sql")
