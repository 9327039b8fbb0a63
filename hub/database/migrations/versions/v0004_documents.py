"""Reports and attributes as one document that jsonpath searches."""

from __future__ import annotations

from hub.database.migrations.steps import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the document and its index."""
    run("0004_documents.sql")
