"""Rollouts, their devices and their history."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables and put them behind their tenants."""
    run("0010_rollouts.sql")
    protect("rollout", "rollout_device", "rollout_event")
