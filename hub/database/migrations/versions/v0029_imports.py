"""History of other programs can be imported."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """The trail of imports, behind its tenant."""
    run("0029_imports.sql")
    protect("history_import")
