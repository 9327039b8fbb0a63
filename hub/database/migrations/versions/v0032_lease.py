"""One hub at a time works on a database, and the database says which."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """The table of leases."""
    run("0032_lease.sql")
