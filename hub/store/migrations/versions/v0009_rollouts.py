"""Rollouts, their devices and their history."""

from __future__ import annotations

from hub.store.migrations.steps import protect, run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables and put them behind their tenants."""
    run("0009_rollouts.sql")
    protect("rollout", "rollout_device", "rollout_event")
