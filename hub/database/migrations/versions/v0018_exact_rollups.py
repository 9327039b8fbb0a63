"""Bins can be calibrated anew when the readings that they are made of are gone."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Bins know what their readings were before calibration."""
    run("0018_exact_rollups.sql")
