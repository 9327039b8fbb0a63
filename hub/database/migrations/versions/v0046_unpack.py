"""Packed days are read in half the time."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """The function that reads a packed day, made anew; what is packed stays as it is."""
    run("0046_unpack.sql")
