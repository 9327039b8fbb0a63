"""Commands on the database as a whole: of `dormouse hub`, besides running it."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import typer

from hub.database.errors import DatabaseError
from hub.settings import Settings, load

__all__ = ["backup", "db_recreate", "restore"]

_DATA_DIR = typer.Option(None, "--data-dir", help="where the hub's data lies")


def backup(file: Path, data_dir: str | None = _DATA_DIR) -> None:
    """Write the database to FILE (a zip of its tables) and check it by restoring it beside."""
    from hub.database.attach import attached  # noqa: PLC0415  # starts faster
    from hub.database.backup import backup as make  # noqa: PLC0415  # starts faster

    async def work() -> None:
        async with attached(load(data_dir=data_dir)) as found:
            if found.postgres is None:
                raise DatabaseError("DORMOUSE_DATABASE_URL: back up that Postgres with pg_dump")
            contents = await make(found.postgres, file)
        typer.echo(f"{file}: {sum(rows for rows, _ in contents.values())} rows, checked")
        authority = found.postgres.folder.parent / "authority"
        if authority.exists():
            typer.echo(
                f"not in it: {authority}, which signs the broker's certificate: copy that too"
            )

    _run(work())


def restore(
    file: Path,
    check: bool = typer.Option(False, "--check", help="only restore beside, and compare"),
    foreign: bool = typer.Option(
        False, "--from-elsewhere", help="even where another hub made it, or it was changed"
    ),
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Put a backup in the database's place; the hub must not be running."""
    from hub.database.backup import restore as put_back  # noqa: PLC0415  # starts faster
    from hub.database.backup import verify  # noqa: PLC0415  # starts faster
    from hub.database.postgres import Postgres  # noqa: PLC0415  # starts faster

    async def work(settings: Settings) -> None:
        from hub.folder import data_folder  # noqa: PLC0415  # starts faster

        with data_folder(settings.data_dir):
            folder = settings.data_dir / "postgres"
            async with Postgres(folder, run_as=settings.run_as) as postgres:
                if check:
                    contents = await verify(postgres, file, foreign=foreign)
                    typer.echo(f"{file}: {sum(n for n, _ in contents.values())} rows, whole")
                    return
                contents, former = await put_back(postgres, file, foreign=foreign)
        typer.echo(
            f"restored {sum(n for n, _ in contents.values())} rows; "
            f"the database that was is kept as {former}"
        )

    _run(work(load(data_dir=data_dir)))


def db_recreate(
    fixture: str = typer.Option("", help="JSON to load; a small home otherwise"),
    delete_readings: int = typer.Option(
        0, "--delete-readings", count=True, help="twice: even where there are readings"
    ),
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Drop the hub's schema, make it anew, load a fixture; no hub may have the database open."""
    from hub.database.attach import alone  # noqa: PLC0415  # starts faster
    from hub.database.recreate import recreate  # noqa: PLC0415  # starts faster
    from hub.maintenance.fixture import (  # noqa: PLC0415  # starts faster
        FIXTURE,
        load_fixture,
        read_fixture,
    )

    # Before anything is dropped.
    contents = read_fixture(Path(fixture) if fixture else FIXTURE)

    async def work() -> None:
        async with alone(load(data_dir=data_dir)) as found:
            if found.owner_url is None:
                raise DatabaseError("DORMOUSE_DATABASE_URL names a role that may not migrate")
            await recreate(found.owner_url, times_confirmed=delete_readings)
            await load_fixture(found.database, contents)
        typer.echo("made anew")

    asyncio.run(work())


def _run(work: Coroutine[Any, Any, None]) -> None:
    """To its end; SIGTERM ends it as Ctrl-C does, so that it leaves nothing half done."""

    async def until_ended() -> None:
        task = asyncio.current_task()
        if task is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await work

    try:
        asyncio.run(until_ended())
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None
