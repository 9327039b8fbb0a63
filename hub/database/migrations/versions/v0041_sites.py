"""Places with a network of their own."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Sites and their networks, each behind its tenant."""
    run("0041_sites.sql")
    protect("site", "site_network")
