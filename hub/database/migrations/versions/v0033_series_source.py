"""When a series' source came to speak in another unit; counters that run backwards."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """The table, behind its tenant, and what a counter's fall means."""
    run("0033_series_source.sql")
    protect("series_source")
