"""Attributes of devices have a history; searches and drafts of wizards have names."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """What was noted already is known since the device's creation."""
    run("0027_attributes.sql", "0027_searches.sql")
    protect("device_attributes_history", "saved_search")
    run("0027_attributes_functions.sql")
