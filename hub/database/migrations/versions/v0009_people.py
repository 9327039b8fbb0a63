"""People, who may see which tenant, invitations and sessions."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables, put what is a tenant's behind it, then the functions."""
    run("0009_people.sql")
    protect("membership", "invitation")
    run("0009_people_functions.sql")
