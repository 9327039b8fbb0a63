"""People are told of what is wrong."""

from __future__ import annotations

from hub.database.migrations.steps import protect, run

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Channels, rules, alerts and messages, each behind its tenant."""
    run("0036_notifications.sql")
    protect(
        "notify_channel",
        "notify_secret",
        "notify_rule",
        "notify_rule_channel",
        "notify_alert",
        "notify_message",
        "notify_due",
    )
