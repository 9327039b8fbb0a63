"""A rollout's step is told from another's, and an accessory's id is given once."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """The rollout's last step; the accessories' ids, unique."""
    run("0035_one_writer.sql")
