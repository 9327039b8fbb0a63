"""People choose a language."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """A person's language, and who looks at a session learns it."""
    run("0045_languages.sql")
