"""Commands on the database as a whole: of `dormouse hub`, besides running it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hub.backups.commands import run_to_its_end
from hub.client import Json
from hub.database.errors import DatabaseError
from hub.settings import Settings, load

if TYPE_CHECKING:
    from hub.database.upgrades.downgrade import Downgrade

__all__ = ["db_recreate", "downgrade"]

_DATA_DIR = typer.Option(None, "--data-dir", help="where the hub's data lies")


def downgrade(
    dry_run: bool = typer.Option(False, "--dry-run", help="only say what it would go back to"),
    schema: str = typer.Option("", help="only from a newer schema than this one, and to this one"),
    as_json: Json = False,
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Go back to the database from before the last upgrade; the hub must not be running."""
    from hub.database.upgrades.downgrade import downgrade as go_back  # noqa: PLC0415  # the same
    from hub.database.upgrades.downgrade import is_at, way_back  # noqa: PLC0415  # the same
    from hub.database.upgrades.majors import own_postgres  # noqa: PLC0415  # the same
    from hub.database.upgrades.upgrading import FOLDER  # noqa: PLC0415  # the same
    from hub.folder import data_folder  # noqa: PLC0415  # starts faster

    async def work(settings: Settings) -> None:
        if settings.database_url:
            raise DatabaseError("DORMOUSE_DATABASE_URL: restore that Postgres with pg_restore")
        with data_folder(settings.data_dir):
            folder = settings.data_dir / FOLDER
            async with own_postgres(settings) as postgres:
                if schema and await is_at(postgres, schema):
                    _say(
                        as_json,
                        {"schema": schema, "former": "", "since": {}},
                        [f"the database is at schema {schema}: nothing is done"],
                    )
                    return
                if dry_run:
                    found, back = await way_back(postgres, folder, schema)
                    typer.echo(
                        f"would go back from schema {found.revision} to {back.revision}, as it "
                        f"was on {back.made:%Y-%m-%d %H:%M} UTC: {back.file}"
                    )
                    return
                done = await go_back(postgres, folder, schema)
        facts = {
            "schema": done.backup.revision, "former": done.former,
            "since": {tenant: (str(file), rows) for tenant, (file, rows) in
                      (done.since or {}).items()},
        }  # fmt: skip
        _say(as_json, facts, _lines(done))

    run_to_its_end(work(load(data_dir=data_dir)))


def _lines(done: Downgrade) -> Iterator[str]:
    yield (
        f"back at schema {done.backup.revision}, as of {done.backup.made:%Y-%m-%d %H:%M} UTC: "
        f"{done.rows} rows; the database that was is kept as {done.former}"
    )
    if done.since is None:
        yield f"{done.former} alone has the readings since then: newer code reads it"
    for tenant, (file, rows) in (done.since or {}).items():
        yield f"{rows} readings of {tenant} since then, once that version runs:"
        yield f"  dormouse hub import {file} --tenant {tenant} --yes"
    yield "now install the version of before: this one would upgrade the database again"


def _say(as_json: bool, facts: dict[str, Any], lines: Iterable[str]) -> None:
    for line in [json.dumps(facts)] if as_json else lines:
        typer.echo(line)


def db_recreate(
    fixture: str = typer.Option("", help="JSON to load; a small home otherwise"),
    delete_readings: int = typer.Option(
        0, "--delete-readings", count=True, help="twice: even where there are readings"
    ),
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Drop the hub's schema, make it anew, load a fixture; no hub may have the database open."""
    from hub.database.attach import alone  # noqa: PLC0415  # starts faster
    from hub.database.recreate import (  # noqa: PLC0415  # starts faster
        recreate,
        refuse_unknown_zones,
        refuse_unreadable_paths,
    )
    from hub.maintenance.fixture import (  # noqa: PLC0415  # starts faster
        FIXTURE,
        load_fixture,
        read_fixture,
        searched,
        zones_of,
    )

    # Before anything is dropped.
    contents = read_fixture(Path(fixture) if fixture else FIXTURE)

    async def work() -> None:
        async with alone(load(data_dir=data_dir)) as found:
            if found.owner_url is None:
                raise DatabaseError("DORMOUSE_DATABASE_URL names a role that may not migrate")
            await refuse_unreadable_paths(found.owner_url, searched(contents))
            await refuse_unknown_zones(found.owner_url, sorted(zones_of(contents)))
            await recreate(found.owner_url, times_confirmed=delete_readings)
            await load_fixture(found.database, contents)
        typer.echo("made anew")

    asyncio.run(work())
