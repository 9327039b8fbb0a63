"""Two tenants may ask for the partition of a month at the same time."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """The function that makes them."""
    run("0019_partitions.sql")
