"""One truth for every value: newest values, placements, replaced devices."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    """Views over what is there; a device's id gets a history."""
    run("0017_identity.sql")
    protect("device_key_history")
    # What is removed by the last is a change of its devices already.
    run("0017_identity_functions.sql", "0017_truth.sql")
