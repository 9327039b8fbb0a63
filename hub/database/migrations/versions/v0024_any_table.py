"""Rows kept for a time, in any table; trees that stay trees by whatever way they are written."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0024"
down_revision = "0022"


def upgrade() -> None:
    """Functions for any table, and the triggers of ours by them."""
    run("0024_keep_for.sql", "0024_quarantine.sql", "0024_trees.sql")
