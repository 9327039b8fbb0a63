"""Commands on the database: of `dormouse hub`, besides running it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import typer

from hub.database.errors import StoreError
from hub.settings import Settings, load

__all__ = ["devices", "mount"]

T = TypeVar("T")

_DATA_DIR = typer.Option(None, "--data-dir", help="where the hub's data lies")
_TENANT = typer.Option(None, "--tenant", help="whose; the setting TENANT otherwise")


def retention(
    dry_run: bool = typer.Option(False, "--dry-run", help="only say what would go"),
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Remove readings and rollups that have had their time."""
    from hub.database.attach import attached  # noqa: PLC0415
    from hub.readings.retention import apply  # noqa: PLC0415

    async def work() -> None:
        async with attached(load(data_dir=data_dir)) as found:
            partitions, rows = await apply(found.store, dry=dry_run)
        verb = "would go" if dry_run else "removed"
        for partition in partitions:
            typer.echo(f"{partition.name}: about {partition.rows} readings, whole month, {verb}")
        for one in rows:
            typer.echo(
                f"{one.tenant} {one.series.topic}: {one.rows} {one.what} rows "
                f"before {one.before:%Y-%m-%d}, {verb}"
            )
        if not partitions and not rows:
            typer.echo("nothing has expired")

    asyncio.run(work())


def keep(  # noqa: PLR0917  # each a flag
    raw_days: int | None = typer.Option(None, help="days; for ever when left out"),
    hourly_days: int | None = typer.Option(None, help="days; for ever when left out"),
    daily_days: int | None = typer.Option(None, help="days; for ever when left out"),
    characteristic: str | None = typer.Option(None, help="of all series of this kind"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Say how long readings and rollups are kept."""
    from hub.database.attach import attached  # noqa: PLC0415
    from hub.readings.retention import Rule  # noqa: PLC0415
    from hub.readings.retention import keep as keep_rule  # noqa: PLC0415

    async def work() -> None:
        settings = load(data_dir=data_dir, tenant=tenant)
        async with attached(settings) as found:
            rule = Rule(raw_days, hourly_days, daily_days)
            await keep_rule(found.store.of(settings.tenant), rule, characteristic)

    asyncio.run(work())


def backup(file: Path, data_dir: str | None = _DATA_DIR) -> None:
    """Write the database to FILE (gzipped SQL) and check it by restoring it beside."""
    from hub.database.attach import attached  # noqa: PLC0415
    from hub.database.backup import backup as make  # noqa: PLC0415

    async def work() -> None:
        async with attached(load(data_dir=data_dir)) as found:
            if found.postgres is None:
                raise StoreError("DORMOUSE_DATABASE_URL: back up that Postgres with pg_dump")
            contents = await make(found.postgres, file)
        typer.echo(f"{file}: {sum(rows for rows, _ in contents.values())} rows, checked")

    asyncio.run(work())


def restore(
    file: Path,
    check: bool = typer.Option(False, "--check", help="only restore beside, and compare"),
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Put a backup in the database's place; the hub must not be running."""
    from hub.database.backup import restore as put_back  # noqa: PLC0415
    from hub.database.backup import verify  # noqa: PLC0415
    from hub.database.postgres import Postgres  # noqa: PLC0415

    async def work(settings: Settings) -> None:
        from hub.folder import data_folder  # noqa: PLC0415

        with data_folder(settings.data_dir):
            folder = settings.data_dir / "postgres"
            async with Postgres(folder, run_as=settings.run_as) as postgres:
                if check:
                    contents = await verify(postgres, file)
                    typer.echo(f"{file}: {sum(n for n, _ in contents.values())} rows, whole")
                    return
                contents, former = await put_back(postgres, file)
        typer.echo(
            f"restored {sum(n for n, _ in contents.values())} rows; "
            f"the database that was is kept as {former}"
        )

    asyncio.run(work(load(data_dir=data_dir)))


def export(
    query: str = typer.Argument(help="SQL, for instance 'SELECT * FROM dormouse.calibrated'"),
    out: str = typer.Option("-", "--out", "-o", help="a file; standard output otherwise"),
    form: str = typer.Option("csv", "--format", help="csv, parquet or arrow (a stream)"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Write what a query answers as CSV, Parquet or an Arrow stream."""
    from hub.database.attach import attached  # noqa: PLC0415
    from hub.readings.export import Format  # noqa: PLC0415
    from hub.readings.export import export as write  # noqa: PLC0415

    if form not in set(Format):
        raise StoreError(f"--format {form}: csv, parquet or arrow")

    async def work() -> int:
        settings = load(data_dir=data_dir, tenant=tenant)
        async with attached(settings) as found:
            if out == "-":
                return await write(
                    found.store.of(settings.tenant), query, sys.stdout.buffer, Format(form)
                )
            with Path(out).open("wb") as file:  # noqa: ASYNC230  # nothing else runs here
                return await write(found.store.of(settings.tenant), query, file, Format(form))

    rows = asyncio.run(work())
    typer.echo(f"{rows} rows", err=True)


def db_recreate(
    fixture: str = typer.Option("", help="JSON to load; a small home otherwise"),
    delete_readings: int = typer.Option(
        0, "--delete-readings", count=True, help="twice: even where there are readings"
    ),
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Drop the database, make it anew, load a fixture; the hub must not be running."""
    from hub.database.attach import alone  # noqa: PLC0415
    from hub.database.recreate import recreate  # noqa: PLC0415
    from hub.maintenance.fixture import FIXTURE, load_fixture  # noqa: PLC0415

    async def work() -> None:
        async with alone(load(data_dir=data_dir)) as found:
            if found.owner_url is None:
                raise StoreError("DORMOUSE_DATABASE_URL names a role that may not migrate")
            await recreate(found.owner_url, told=delete_readings)
            await load_fixture(found.store, Path(fixture) if fixture else FIXTURE)
        typer.echo("made anew")

    asyncio.run(work())


def gaps(
    device: str | None = typer.Argument(None, help="of one device; of all otherwise"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Show readings that never came, by device and boot identity."""
    from hub.devices.repository import DeviceRepository  # noqa: PLC0415

    settings = load(data_dir=data_dir, tenant=tenant)
    found = _with_store(
        settings, lambda store: DeviceRepository(store.of(settings.tenant)).gaps(device)
    )
    for one in found:
        missing = ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in one.missing) or "none"
        typer.echo(
            f"{one.device} {one.boot}: {one.held} of {one.last} held, missing {missing}, "
            f"{one.lost} thinned out by the device, {one.unexplained} unexplained"
        )


def devices(
    context: typer.Context,
    where: str | None = typer.Option(None, help="a jsonpath, as in '$.battery_mv < 2700'"),
    as_json: bool = typer.Option(False, "--json"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Devices: who may connect; with --where those whose report or attributes match."""
    if context.invoked_subcommand is not None:
        return
    if where is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    from hub.devices.documents import devices_where  # noqa: PLC0415

    settings = load(data_dir=data_dir, tenant=tenant)
    path = where
    found = _with_store(settings, lambda store: devices_where(store.of(settings.tenant), path))
    for device in [json.dumps(found)] if as_json else found:
        typer.echo(device)


def _with_store(settings: Settings, ask: Callable[..., Awaitable[T]]) -> T:
    from hub.database.attach import attached  # noqa: PLC0415

    async def work() -> T:
        async with attached(settings) as found:
            return await ask(found.store)

    return asyncio.run(work())


def mount(app: typer.Typer) -> None:
    """Add the commands to `dormouse hub`."""
    for command in (retention, keep, backup, restore, export, gaps):
        app.command()(command)
    app.command("db-recreate")(db_recreate)
