"""Pushes to repositories start chains of steps."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Hooks, their secrets, what came to them, their runs: each behind its tenant."""
    run("0040_hooks.sql")
    protect("hook", "hook_secret", "hook_delivery", "hook_run", "hook_step")
