"""Where people are in guided dialogues."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table and put it behind its tenant."""
    run("0005_wizards.sql")
    protect("wizard")
