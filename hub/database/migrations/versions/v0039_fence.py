"""What a worker commits under a lease that it has no longer is refused."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Functions alone."""
    run("0039_fence.sql")
