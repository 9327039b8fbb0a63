"""Firmware images."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table and put it behind its tenant."""
    run("0008_firmware.sql")
    protect("firmware")
