"""Bring a database to the schema of this version."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import cache
from pathlib import Path

import psycopg

from hub.database.errors import MigrationError

__all__ = ["head", "migrate", "steps"]

_PACKAGE = Path(__file__).parent


@cache
def steps() -> frozenset[str]:
    """All revisions, for instance "0001": the numbers in the names of their files."""
    files = (_PACKAGE / "migrations" / "versions").glob("v[0-9]*.py")
    return frozenset(file.stem[1:].partition("_")[0] for file in files)


def head() -> str:
    """The newest revision."""
    return max(steps())


async def migrate(owner_url: str, revision: str | None = None) -> None:
    """Run the steps that are missing, as the schema's owner; nothing where none is.

    Up to `revision`, one of `steps()`; to the newest without it. Raises MigrationError,
    psycopg.OperationalError.
    """
    wanted = revision or head()
    if await _revision(owner_url) == wanted:
        return
    # The package may be a source tree that only our own path knows.
    path = os.pathsep.join([str(_PACKAGE.parents[1]), os.environ.get("PYTHONPATH", "")])
    # The URL holds a password: not among the arguments, which others may read.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.database.upgrade", wanted,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    _, output = await process.communicate(owner_url.encode())
    if process.returncode:
        lines = output.decode(errors="replace").strip().splitlines()
        raise MigrationError(lines[-1] if lines else f"exit status {process.returncode}")


async def _revision(owner_url: str) -> str | None:
    """The database's revision; None where there is no schema of ours yet."""
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        known = await connection.execute("SELECT to_regclass('dormouse.alembic_version')::text")
        if await known.fetchone() in (None, (None,)):
            return None
        cursor = await connection.execute("SELECT version_num FROM dormouse.alembic_version")
        row = await cursor.fetchone()
    return str(row[0]) if row else None
