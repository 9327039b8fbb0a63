"""Oddities that nobody wants to be told of."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the table and put it behind its tenant."""
    run("0011_mutes.sql")
    protect("anomaly_mute")
