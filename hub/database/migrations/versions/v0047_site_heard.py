"""When a site was heard last is kept."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """A column that says when a site was heard last."""
    run("0047_site_heard.sql")
