"""A real Postgres for a run of tests, a migrated template database cloned for each test."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from hub.database.database import Database
from hub.database.migrate import migrate
from hub.database.postgres import OWNER, Postgres
from tests.support import folders
from tests.support.once import Once, locked

__all__ = [
    "DEBIAN",
    "FAST",
    "ClonedDatabase",
    "Server",
    "database",
    "reachable_folder",
    "server",
    "server_folder",
    "store",
]

DEBIAN = Path("/usr/lib/postgresql/15/bin")
# A throw-away cluster: a killed process is survived without it, a power cut need not be.
FAST = {"fsync": "off", "shared_buffers": "32MB", "max_connections": "200"}
# Nobody reads the pipe between tests: a full one would block the server.
FAST["log_min_messages"] = "panic"
_TEMPLATE = "template_dormouse"
_ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class ClonedDatabase:
    """One test's database: for the application, for the schema's owner, for the superuser."""

    name: str
    app_url: str
    owner_url: str
    admin_url: str


class Server:
    """A running Postgres with a migrated template."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres

    async def make_template(self) -> None:
        await self._execute("CREATE DATABASE {} OWNER {}", _TEMPLATE, OWNER)
        await migrate(make_conninfo(self.postgres.owner_url, dbname=_TEMPLATE))

    async def clone(self) -> ClonedDatabase:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        await self._execute(
            # Without fsync files are copied ten times faster than through the log.
            "CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy",
            name,
            _TEMPLATE,
            OWNER,
        )
        await self.close_to_the_public(name)
        return self.database(name)

    async def close_to_the_public(self, name: str) -> None:
        """As a hub makes its database: nobody makes temporary tables in it."""
        await self._execute("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", name)

    def database(self, name: str) -> ClonedDatabase:
        postgres = self.postgres
        return ClonedDatabase(
            name,
            make_conninfo(postgres.app_url, dbname=name),
            make_conninfo(postgres.owner_url, dbname=name),
            make_conninfo(postgres.admin_url, dbname=name),
        )

    async def drop(self, name: str) -> None:
        await self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    async def _execute(self, statement: str, *names: str) -> None:
        async with await psycopg.AsyncConnection.connect(
            self.postgres.admin_url, autocommit=True
        ) as conn:
            await conn.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


@contextlib.contextmanager
def reachable_folder() -> Iterator[Path]:
    """A new folder that another user can reach (pytest's is closed to all but ours)."""
    folder = Path(tempfile.mkdtemp(prefix="dormouse-test-", dir=folders.base()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A test's own reachable_folder."""
    with reachable_folder() as folder:
        yield folder


def shared(folder: Path) -> Postgres:
    """The Postgres of the run of tests with that folder; tests/support/_keeper.py runs it."""
    return Postgres(folder / "postgres", tuning=FAST)


@pytest.fixture(scope="session")
def server(once: Once) -> Server:
    """One for all processes of this run, started by the first that needs it."""
    ready, log = once.folder / "postgres.ready", once.folder / "postgres.log"
    with locked(once.folder / "postgres.lock"):
        if not ready.exists():
            keeper = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "tests.support._keeper", str(once.folder)],
                {**os.environ, "PYTHONPATH": str(_ROOT)},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                # Ctrl-C is for who runs the tests; it ends with them.
                setsid=True,
            )
            while not ready.exists():
                ended, _ = os.waitpid(keeper, os.WNOHANG)
                assert not ended, log.read_text()
                time.sleep(0.05)
    return Server(shared(once.folder))


@pytest.fixture
async def database(server: Server) -> AsyncIterator[ClonedDatabase]:
    found = await server.clone()
    yield found
    await server.drop(found.name)


@pytest.fixture
async def store(database: ClonedDatabase) -> AsyncIterator[Database]:
    """The store on the test's database, with a tenant `home`."""
    async with Database(database.app_url) as found:
        await found.ensure_tenant("home")
        yield found
