"""People, who may see which tenant, invitations and sessions."""

from __future__ import annotations

from hub.store.migrations.steps import protect, run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables, put what is a tenant's behind it, then the functions."""
    run("0005_people.sql")
    protect("membership", "invitation")
    run("0005_people_functions.sql")
