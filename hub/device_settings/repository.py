"""Wanted settings of devices, by version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hub.database.database import Connection, Store

__all__ = ["StoredConfigs", "Version"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a device's wanted settings; `secrets` only until the device reported it.

    `runs` is the version that the device's last report names, None when it names none.
    """

    device: str
    version: int
    settings: dict[str, Any]
    secrets: dict[str, Any] | None
    who: str
    why: str
    at: datetime
    reported_at: datetime | None
    problem: str | None
    runs: int | None


_ENSURE = """
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), %(device)s
WHERE NOT EXISTS (SELECT FROM dormouse.device WHERE key = %(device)s)
ON CONFLICT (tenant_id, key) DO NOTHING"""

# Whoever changes the wanted settings of a device holds its row, so versions follow each other.
_HOLD = """
SELECT d.id, d.name, d.interval_s, (s.report ->> 'config')::int AS runs
FROM dormouse.device d LEFT JOIN dormouse.device_state s ON s.device_id = d.id
WHERE d.key = %s FOR UPDATE OF d"""

_COLUMNS = """
SELECT d.key AS device, c.version, c.settings, c.secrets, c.who, c.why, c.at, c.reported_at,
       c.problem, (s.report ->> 'config')::int AS runs
FROM dormouse.device_config c JOIN dormouse.device d ON d.id = c.device_id
LEFT JOIN dormouse.device_state s ON s.device_id = d.id"""

_LATEST = f"""
SELECT DISTINCT ON (found.device) * FROM ({_COLUMNS}) AS found
WHERE %(device)s::text IS NULL OR found.device = %(device)s
ORDER BY found.device, found.version DESC"""  # noqa: S608  # constants

_HISTORY = f"{_COLUMNS} WHERE d.key = %s ORDER BY c.version DESC"

_ADD = """
INSERT INTO dormouse.device_config (tenant_id, device_id, version, settings, secrets, who, why)
VALUES (dormouse.current_tenant(), %s, %s, %s, %s, %s, %s)"""

_SUPERSEDE = """
UPDATE dormouse.device_config SET secrets = NULL
WHERE device_id = %s AND version < %s AND secrets IS NOT NULL"""

_REPORTED = """
UPDATE dormouse.device_config AS c
SET reported_at = coalesce(c.reported_at, %(at)s), problem = %(problem)s, secrets = NULL
FROM dormouse.device d
WHERE d.id = c.device_id AND d.key = %(device)s AND c.version = %(version)s"""

# What the device row's triggers write down belongs to this activity.
_TICK = """
WITH made AS (
    INSERT INTO dormouse.activity (tenant_id, who, why)
    VALUES (dormouse.current_tenant(), %s, %s) RETURNING id)
SELECT set_config('dormouse.activity', made.id::text, true) FROM made"""

Merge = Callable[[Version | None], tuple[Mapping[str, Any], Mapping[str, Any] | None] | None]


class StoredConfigs:
    """The versions of one tenant's devices."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def latest(self, device: str | None = None) -> list[Version]:
        """What is wanted of a device, or of all that something was ever wanted of."""
        return await self._versions(_LATEST, {"device": device})

    async def history(self, device: str) -> list[Version]:
        """All versions of a device, newest first."""
        return await self._versions(_HISTORY, [device])

    async def change(self, device: str, merge: Merge, *, who: str, why: str) -> int:
        """Make the next version from the latest; its number.

        `merge` gets the latest (None: there is none) and gives settings and secrets, or None for
        no change, which makes no version. Numbers go on beyond the one the device runs, since it
        takes only another number than its own for news. Name and interval of the device follow,
        with their history.
        """
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(_ENSURE, {"device": device})
            row = await (await conn.execute(_HOLD, [device])).fetchone()
            if row is None:
                raise LookupError(device)  # deleted between two statements
            number, name, interval, runs = row
            latest = await self._latest_in(conn, device)
            made = merge(latest)
            if made is None and latest is not None:
                return latest.version
            settings, secrets = made or ({}, None)
            version = max(latest.version if latest else 0, int(runs or 0)) + 1
            await conn.execute(
                _ADD,
                [number, version, Jsonb(dict(settings)), secrets and Jsonb(dict(secrets)),
                 who, why],
            )  # fmt: skip
            await conn.execute(_SUPERSEDE, [number, version])
            before = latest.settings if latest else {}
            # An interval that is no longer wanted is not known any more.
            kept = None if "interval" in before else interval
            wanted = settings.get("name") or name, settings.get("interval", kept)
            if wanted != (name, interval):
                await conn.execute(_TICK, [who, why])
                await conn.execute(
                    "UPDATE dormouse.device SET name = %s, interval_s = %s WHERE id = %s",
                    [*wanted, number],
                )
                await conn.execute("SELECT set_config('dormouse.activity', '', true)")
        return version

    async def reported(self, device: str, version: int, at: datetime, problem: str | None) -> None:
        """A device runs a version: its secrets are forgotten."""
        facts = {"device": device, "version": version, "at": at, "problem": problem}
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(_REPORTED, facts)

    async def _latest_in(self, conn: Connection, device: str) -> Version | None:
        async with conn.cursor(row_factory=class_row(Version)) as cursor:
            await cursor.execute(_LATEST, {"device": device})
            return await cursor.fetchone()

    async def _versions(self, query: str, parameters: Any) -> list[Version]:
        async with (
            self._store.tenant(self._tenant) as conn,
            conn.cursor(row_factory=class_row(Version)) as cursor,
        ):
            await cursor.execute(query, parameters)
            return await cursor.fetchall()
