"""Tokens of the API."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table and put it behind its tenant."""
    run("0007_tokens.sql")
    protect("token")
