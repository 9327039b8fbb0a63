"""What a wrong clock put aside."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """It stays until the clock is set."""
    run("0028_wrong_clock.sql")
