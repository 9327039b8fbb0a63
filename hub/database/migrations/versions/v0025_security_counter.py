"""The security counter that a firmware image was signed with."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """A column for it."""
    run("0025_security_counter.sql")
