"""Back to what was before an upgrade, with what came since in files that can be imported."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from contracts.reading import SeriesKey
from hub.database.backup import restore
from hub.database.errors import SchemaDowngradeError
from hub.database.migrate import head, steps
from hub.database.postgres import DATABASE, Postgres
from hub.database.queries import Queries
from hub.database.schema_release import SchemaRelease, read_release
from hub.database.upgrades.upgrading import UpgradeBackup, upgrade_backups

__all__ = ["Downgrade", "downgrade", "is_at", "way_back"]

_QUERIES = Queries.of("hub.database.upgrades")
_Connection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Downgrade:
    """What was done: the backup that is in place, how many rows, and what was put aside.

    `former` is the database that was; `since` has the readings that only it has, by tenant: a file
    and their number. None where they could not be read from its schema.
    """

    backup: UpgradeBackup
    rows: int
    former: str
    since: dict[str, tuple[Path, int]] | None = field(default_factory=dict)


class _Day(NamedTuple):
    """A series' day in one database; `digest` tells whether another one's has the same."""

    tenant: str
    series: SeriesKey
    day: datetime
    numbers: tuple[int, int]
    digest: tuple[int, Any]

    @property
    def name(self) -> tuple[str, SeriesKey, datetime]:
        """What it is in any database."""
        return self.tenant, self.series, self.day


async def is_at(postgres: Postgres, revision: str) -> bool:
    """Whether the database has that schema, or none of ours."""
    async with await _connect(postgres, DATABASE) as conn:
        found = await read_release(conn)
    return found.revision in {revision, None}


async def way_back(
    postgres: Postgres, folder: Path, revision: str = ""
) -> tuple[SchemaRelease, UpgradeBackup]:
    """What the database is, and the backup from before its last upgrade, or the last of a schema.

    Raises SchemaDowngradeError.
    """
    async with await _connect(postgres, DATABASE) as conn:
        found = await read_release(conn)
    if found.revision is None:
        raise SchemaDowngradeError("the database is empty: there is nothing to go back from")
    before = found.ran if found.interrupted else None
    for one in upgrade_backups(folder):
        if revision and one.revision != revision:
            continue
        if revision or one.revision == before or (before is None and one.revision < found.revision):
            break
    else:
        raise SchemaDowngradeError(
            f"{folder} has no backup from before schema {found.revision}: "
            "restore another with `dormouse hub restore FILE`"
        )
    if one.revision not in steps():
        raise SchemaDowngradeError(
            f"{one.file} is of schema {one.revision}, this version knows up to {head()}: use the "
            "version that made the upgrade"
        )
    return found, one


async def downgrade(postgres: Postgres, folder: Path, revision: str = "") -> Downgrade:
    """Put the backup from before the last upgrade in place; nobody else may be connected.

    With a `revision` the last backup of that schema.

    The database that was is kept beside it. Raises SchemaDowngradeError, BackupError; nothing has
    changed then.
    """
    _, back = await way_back(postgres, folder, revision)
    contents, former = await restore(postgres, back.file)
    rows = sum(count for count, _ in contents.values())
    try:
        since = await _since(postgres, former, folder)
    except psycopg.errors.ProgrammingError:
        return Downgrade(back, rows, former, None)
    return Downgrade(back, rows, former, since)


async def _since(postgres: Postgres, former: str, folder: Path) -> dict[str, tuple[Path, int]]:
    """Write the readings of `former` that are not here."""
    async with await _connect(postgres, former) as newer, await _connect(postgres, DATABASE) as now:
        here = {one.name: one for one in await _days(now)}
        days = defaultdict(list)
        for one in await _days(newer):
            same = here.get(one.name)
            if same is None or same.digest != one.digest:
                days[one.tenant].append((one, same))
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        since = {}
        for tenant, of_tenant in days.items():
            file = folder / f"since_{stamp}_{tenant}.csv"
            with open(file, "w", newline="", encoding="utf-8", opener=_private) as target:  # noqa: ASYNC230  # nothing else runs here
                writer = csv.writer(target)
                writer.writerow(["series", "at", "raw"])
                written = 0
                for one, same in of_tenant:
                    there = set() if same is None else set(await _readings(now, same))
                    fresh = [row for row in await _readings(newer, one) if row not in there]
                    writer.writerows(fresh)
                    written += len(fresh)
            since[tenant] = file, written
        return since


async def _days(conn: _Connection) -> list[_Day]:
    try:
        cursor = await conn.execute(_QUERIES["readings_by_day"])
    except psycopg.errors.UndefinedTable:
        if conn.info.dbname == DATABASE:
            return []  # of a version whose readings are kept in another way: all of them count
        raise
    return [
        _Day(row[0], SeriesKey(*row[1:5]), row[5], (row[6], row[7]), (row[8], row[9]))
        async for row in cursor
    ]


async def _readings(conn: _Connection, one: _Day) -> list[tuple[str, str, str]]:
    """Series, time and what was measured, of a series' day."""
    name = f"{one.series.device}/{one.series.name}"
    parameters = [*one.numbers, one.day, one.day]
    cursor = await conn.execute(_QUERIES["readings_of_day"], parameters)
    return [(name, at.isoformat(), value) async for at, value in cursor]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def _connect(postgres: Postgres, database: str) -> _Connection:
    """As the superuser, who sees all tenants; a connection that only reads."""
    url = make_conninfo(
        postgres.admin_url,
        dbname=database,
        options="-c default_transaction_read_only=on -c timezone=UTC",
    )
    return await psycopg.AsyncConnection.connect(url, autocommit=True)
