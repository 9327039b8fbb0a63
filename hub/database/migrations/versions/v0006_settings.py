"""Settings wanted of devices; reports by day."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables, put them behind their tenants, then grant."""
    run("0006_settings.sql")
    protect("device_config", "report_daily")
    run("0006_settings_grants.sql")
