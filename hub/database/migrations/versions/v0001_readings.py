"""Devices, series, readings, accounts, HomeKit's memory."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, put them behind their tenants, then grant."""
    run("0001_readings.sql")
    protect(
        "tenant", "device", "device_state", "series", "reading", "latest", "delivery",
        "quarantine", "account", "homekit",
    )  # fmt: skip
    run("0001_functions.sql", "0001_store_readings.sql")
