"""Calibration, rollups by hour and day, retention."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables, put them behind their tenants, then the functions that fill them."""
    run("0002_rollups.sql")
    protect("calibration", "hourly", "daily", "retention")
    run("0002_rollup_functions.sql", "0002_retention.sql")
