"""Notifications escalate, and are told to their end."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Whom rules tell besides, and what becomes of the alerts of removed devices."""
    run("0038_escalation.sql")
