"""What a wrong clock put aside."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """It stays until the clock is set."""
    run("0027_wrong_clock.sql")
