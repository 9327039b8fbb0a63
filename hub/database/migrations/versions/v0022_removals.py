"""Readings, series and devices can be removed; no function takes a session's own objects first."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0022"
down_revision = "0020"


def upgrade() -> None:
    """The trail, behind its tenant, and the functions that remove."""
    run("0022_removals.sql", "0022_ticks.sql", "0022_search_path.sql")
    protect("removal")
