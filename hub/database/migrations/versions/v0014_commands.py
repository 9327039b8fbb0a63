"""A viewer's account may also command."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    """Accounts that are there read only; the policy is the table's."""
    run("0014_commands.sql")
