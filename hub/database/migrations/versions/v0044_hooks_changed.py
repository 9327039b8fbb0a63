"""Hooks can be changed."""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0041"


def upgrade() -> None:
    """What of a hook, and of what proves its deliveries, may be otherwise."""
    op.execute("GRANT UPDATE (repository, branch, chain, tells) ON dormouse.hook TO dormouse_app")
    op.execute("GRANT UPDATE (secret, status_token) ON dormouse.hook_secret TO dormouse_app")
