"""The table of small values gets its true name, and each value an owner."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Rename, say whose each value is; the policy goes with the table."""
    run("0012_key_value.sql")
    protect("key_value")
