"""Commands on readings, of `dormouse hub`: how long they are kept, and any query as a file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import typer

from contracts import topics
from hub.database.errors import DatabaseError
from hub.settings import load

__all__ = ["export", "keep", "retention"]

_DATA_DIR = typer.Option(None, "--data-dir", help="where the hub's data lies")
_TENANT = typer.Option(None, "--tenant", help="whose; the setting TENANT otherwise")


def retention(
    dry_run: bool = typer.Option(False, "--dry-run", help="only say what would go"),
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Remove readings and rollups that have had their time."""
    from hub.database.attach import attached  # noqa: PLC0415  # when asked for
    from hub.readings.retention import remove_expired  # noqa: PLC0415  # when asked for

    async def work() -> None:
        async with attached(load(data_dir=data_dir)) as found:
            partitions, rows = await remove_expired(found.database, dry=dry_run)
        verb = "would go" if dry_run else "removed"
        for partition in partitions:
            typer.echo(f"{partition.name}: about {partition.rows} readings, whole month, {verb}")
        for one in rows:
            typer.echo(
                f"{one.tenant} {topics.state(one.series)}: {one.rows} {one.what} rows "
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
    from hub.database.attach import attached  # noqa: PLC0415  # when asked for
    from hub.readings.retention import RetentionRule, set_retention  # noqa: PLC0415  # when asked for

    async def work() -> None:
        settings = load(data_dir=data_dir, tenant=tenant)
        async with attached(settings) as found:
            rule = RetentionRule(raw_days, hourly_days, daily_days)
            await set_retention(found.database.of(settings.tenant), rule, characteristic)

    asyncio.run(work())


def export(  # noqa: PLR0917  # each a flag
    query: str = typer.Argument(help="SQL, for instance 'SELECT * FROM dormouse.calibrated'"),
    out: str = typer.Option("-", "--out", "-o", help="a file; standard output otherwise"),
    form: str = typer.Option("csv", "--format", help="csv, parquet or arrow (a stream)"),
    separator: str = typer.Option(",", help="of CSV: , ; or tab"),
    decimal: str = typer.Option(".", help="of CSV: . or ,"),
    bom: bool = typer.Option(False, "--bom", help="CSV with a byte order mark, for Excel"),
    tenant: str | None = _TENANT,
    data_dir: str | None = _DATA_DIR,
) -> None:
    """Write what a query answers as CSV, Parquet or an Arrow stream."""
    from hub.database.attach import attached  # noqa: PLC0415  # when asked for
    from hub.readings.csv_dialect import dialect_of  # noqa: PLC0415  # when asked for
    from hub.readings.export import ExportFormat  # noqa: PLC0415  # when asked for
    from hub.readings.export import export as write  # noqa: PLC0415  # when asked for

    if form not in set(ExportFormat):
        raise DatabaseError(f"--format {form}: csv, parquet or arrow")
    dialect = dialect_of(separator, decimal, bom=bom)

    async def work() -> int:
        settings = load(data_dir=data_dir, tenant=tenant)
        async with attached(settings) as found:
            own, form_of = found.database.of(settings.tenant), ExportFormat(form)
            if out == "-":
                return await write(own, query, sys.stdout.buffer, form_of, dialect)
            with Path(out).open("wb") as file:  # noqa: ASYNC230  # nothing else runs here
                return await write(own, query, file, form_of, dialect)

    rows = asyncio.run(work())
    typer.echo(f"{rows} rows", err=True)
