"""A hub's own Postgres where new files are closed to others: as root it runs as another user."""

from __future__ import annotations

import asyncio
import os
import subprocess

import psycopg

from hub.database.postgres import Postgres


async def test_under_a_closed_umask(empty_hub, short_tmp):
    folder = short_tmp / "postgres"
    copy = ["cp", "-a", empty_hub / "postgres", folder]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    folder.chmod(0o700)  # as a start under that umask made it
    before = os.umask(0o077)
    try:
        async with (
            Postgres(folder) as postgres,
            await psycopg.AsyncConnection.connect(postgres.admin_url) as connection,
        ):
            assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    finally:
        os.umask(before)
    assert not folder.stat().st_mode & 0o066
