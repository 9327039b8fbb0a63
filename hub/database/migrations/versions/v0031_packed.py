"""Old readings packed: a series' day in one row."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """The table, what packs and unpacks, and all that reads or removes readings."""
    run("0031_packed.sql", "0031_packed_rollups.sql", "0031_packed_removals.sql")
    protect("packed_day")
