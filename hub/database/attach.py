"""The database for a command: the running hub's Postgres, or one started for the command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import psycopg

from hub.database.database import Database
from hub.database.postgres import Postgres
from hub.database.start import Running, running
from hub.folder import data_folder
from hub.settings import Settings

__all__ = ["alone", "attached", "run_query"]

T = TypeVar("T")

# A hub is told from it by its connections.
_COMMAND = "dormouse command"


def run_query(settings: Settings, question: Callable[[Database], Awaitable[T]]) -> T:
    """What the database answers to one question of a command, in a loop of its own."""

    async def work() -> T:
        async with attached(settings) as opened:
            return await question(opened.database)

    return asyncio.run(work())


@asynccontextmanager
async def attached(settings: Settings) -> AsyncIterator[Running]:
    """The database, beside a running hub or without one."""
    async with AsyncExitStack() as stack:
        if not settings.database_url:
            postgres = Postgres(settings.data_dir / "postgres", run_as=settings.run_as)
            if await _answers(postgres):
                database = await stack.enter_async_context(
                    Database(postgres.app_url, name=_COMMAND)
                )
                yield Running(database, postgres, postgres.owner_url)
                return
        yield await stack.enter_async_context(alone(settings))


@asynccontextmanager
async def alone(settings: Settings) -> AsyncIterator[Running]:
    """The database with no hub beside it; raises FolderInUseError while one runs on the folder."""
    with data_folder(settings.data_dir):
        async with running(settings, name=_COMMAND) as opened:
            yield opened


async def _answers(postgres: Postgres) -> bool:
    try:
        postgres.look_up()
        conn = await psycopg.AsyncConnection.connect(postgres.app_url)
    except (OSError, psycopg.OperationalError):
        return False
    await conn.close()
    return True
