"""The release after this one: this tree under another version, with one more step of the schema."""

from __future__ import annotations

import shutil
from pathlib import Path

from hub.database.migrate import head
from tests.support.hub import ROOT

__all__ = ["REVISION", "VERSION", "migration", "next_release"]

VERSION = "9.8.7"
REVISION = f"{int(head()) + 1:04}"
_STEP = f'''
from alembic import op

revision = "{REVISION}"
down_revision = "{head()}"


def upgrade() -> None:
    """A reading's place in a drawer."""
    op.execute("ALTER TABLE dormouse.device ADD COLUMN drawer integer NOT NULL DEFAULT 7")
'''


def migration() -> str:
    """The text of its step."""
    return _STEP


def next_release(folder: Path) -> Path:
    """Its source tree, made in `folder`."""
    for name in ("contracts", "hub"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("host", "firmware", "partitions", "partitions.csv", "deploy"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "VERSION").write_text(f"{VERSION}\n")
    step = folder / "hub/database/migrations/versions" / f"v{REVISION}_drawers.py"
    step.write_text(_STEP)
    return folder
