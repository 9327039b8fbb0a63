"""A real PgBouncer in transaction mode before the test session's Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.runtime.child import run_as, spawn
from tests.support.postgres import ClonedDatabase, Server

__all__ = ["bouncer"]

PGBOUNCER = "/usr/sbin/pgbouncer"


@asynccontextmanager
async def bouncer(server: Server, database: ClonedDatabase, folder: Path) -> AsyncIterator[str]:
    """The application's URL through PgBouncer: few server connections for many clients."""
    account = run_as("nobody")
    home = folder / f"bouncer-{database.name}"
    home.mkdir(mode=0o700)
    facts = conninfo_to_dict(database.app_url)
    (home / "users").write_text(f'"{facts["user"]}" "{facts["password"]}"\n')
    (home / "ini").write_text(
        f"""[databases]
{database.name} = host={facts["host"]} dbname={database.name}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {home}
auth_type = scram-sha-256
auth_file = {home}/users
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
logfile =
"""
    )
    if account is not None:
        for path in (home, home / "users", home / "ini"):
            os.chown(path, account.pw_uid, account.pw_gid)
    child = await spawn(
        [PGBOUNCER, "-q", home / "ini"],
        account=account,
        cwd=home,
        output=asyncio.subprocess.DEVNULL,
    )
    url = make_conninfo(database.app_url, host=str(home), port="6432")
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    await (await psycopg.AsyncConnection.connect(url)).close()
                except psycopg.OperationalError:
                    await asyncio.sleep(0.02)
                else:
                    break
        yield url
    finally:
        child.send_signal(signal.SIGTERM)
        await child.wait()
