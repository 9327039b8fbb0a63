"""Months told by their names without tripping over others; days with large gaps packed closer."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """What drops months, what packs and unpacks."""
    run("0034_months.sql", "0034_packed_gaps.sql")
