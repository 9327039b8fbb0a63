"""`dormouse hub restore`: a backup in the database's place, from a file or from the target."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from hub.backups.commands import run_to_its_end
from hub.client import DataDir
from hub.settings import Settings, load

__all__ = ["restore"]


def restore(
    file: Annotated[
        str, typer.Argument(help="a file, or a backup at DORMOUSE_BACKUP_TO: its name, or latest")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="only restore beside, and compare")
    ] = False,
    foreign: Annotated[
        bool,
        typer.Option("--from-elsewhere", help="even where another hub made it, or it was changed"),
    ] = False,
    key: Annotated[
        Path | None, typer.Option("--key", help="age identity that opens an encrypted one")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Put a backup in the database's place; the hub must not be running."""
    settings = load(data_dir=data_dir)
    if key is not None:
        settings = settings.model_copy(update={"backup_key": str(key.absolute())})
    run_to_its_end(_restore(settings, file, check=check, foreign=foreign))


async def _restore(settings: Settings, named: str, *, check: bool, foreign: bool) -> None:
    from hub.database.backup import restore as put_back  # noqa: PLC0415  # starts faster
    from hub.database.backup import verify  # noqa: PLC0415  # starts faster
    from hub.database.upgrades.majors import own_postgres  # noqa: PLC0415  # starts faster
    from hub.folder import data_folder  # noqa: PLC0415  # starts faster

    with data_folder(settings.data_dir):
        async with (
            own_postgres(settings) as postgres,
            _plain(settings, postgres.backup_key, named, foreign=foreign) as file,
        ):
            if check:
                contents = await verify(postgres, file, foreign=foreign)
                typer.echo(f"{named}: {sum(n for n, _ in contents.values())} rows, whole")
                return
            contents, former = await put_back(postgres, file, foreign=foreign)
    typer.echo(
        f"restored {sum(n for n, _ in contents.values())} rows; "
        f"the database that was is kept as {former}"
    )


@asynccontextmanager
async def _plain(
    settings: Settings, signing_key: bytes, named: str, *, foreign: bool
) -> AsyncIterator[Path]:
    """The file, brought from the target and opened where need be; gone afterwards."""
    from hub.backups.configured import age_key, hub_name  # noqa: PLC0415  # starts faster
    from hub.backups.encryption import is_encrypted  # noqa: PLC0415  # starts faster
    from hub.backups.fetch import fetch  # noqa: PLC0415  # starts faster

    with tempfile.TemporaryDirectory(prefix=".restore", dir=settings.data_dir) as name:
        folder, file = Path(name), Path(named)
        if "/" not in named and not await asyncio.to_thread(file.exists):
            file = folder / "fetched"
            await fetch(settings, hub_name(signing_key), named, file, foreign=foreign)
        if is_encrypted(file):
            age_key(settings).decrypt(file, folder / "plain")
            file = folder / "plain"
        yield file
