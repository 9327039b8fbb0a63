"""Bring a database to the schema of this version."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import cache
from pathlib import Path

import psycopg

from hub.database.errors import MigrationError

__all__ = ["head", "migrate"]

_PACKAGE = Path(__file__).parent


@cache
def head() -> str:
    """The newest revision, for instance "0001": the number in the name of its file."""
    steps = (_PACKAGE / "migrations" / "versions").glob("v[0-9]*.py")
    return max(step.stem[1:].partition("_")[0] for step in steps)


async def migrate(owner_url: str) -> None:
    """Run the steps that are missing, as the schema's owner; nothing where none is.

    Raises MigrationError, psycopg.OperationalError.
    """
    if await _revision(owner_url) == head():
        return
    # The package may be a source tree that only our own path knows.
    path = os.pathsep.join([str(_PACKAGE.parents[1]), os.environ.get("PYTHONPATH", "")])
    # The URL holds a password: not among the arguments, which others may read.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.database.upgrade",
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
