"""Places, placements, and the history of what a person can change about a device."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables, put them behind their tenants, then the triggers that keep them."""
    run("0003_history.sql")
    protect(
        "place", "placement", "activity", "tick", "device_name_history",
        "device_location_id_history", "device_interval_s_history", "device_owner_history",
        "device_firmware_history", "device_calibration_history",
    )  # fmt: skip
    run("0003_history_functions.sql", "0003_places.sql")
