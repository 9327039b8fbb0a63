"""Wanted settings of devices, by version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries, Query

__all__ = ["SettingsRepository", "SettingsVersion"]

_QUERIES = Queries.of("hub.device_settings")


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """One version of a device's requested settings; `secrets` only until the device reported it.

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


Merge = Callable[
    [SettingsVersion | None], tuple[Mapping[str, Any], Mapping[str, Any] | None] | None
]


class SettingsRepository:
    """The versions of one tenant's devices."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def latest(self, device: str | None = None) -> list[SettingsVersion]:
        """What is requested of a device, or of all that something was ever requested of."""
        return await self._versions(_QUERIES["latest_versions"], {"device": device})

    async def history(self, device: str) -> list[SettingsVersion]:
        """All versions of a device, newest first."""
        return await self._versions(_QUERIES["versions_of_device"], [device])

    async def change(self, device: str, merge: Merge, *, who: str, why: str) -> int:
        """Make the next version from the latest; its number.

        `merge` gets the latest (None: there is none) and gives settings and secrets, or None for
        no change, which makes no version. Numbers go on beyond the one the device runs, since it
        takes only another number than its own for news. Name and interval of the device follow,
        with their history.
        """
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["ensure_device"], {"device": device})
            row = await (await conn.execute(_QUERIES["hold_device"], [device])).fetchone()
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
                _QUERIES["add_version"],
                [number, version, Jsonb(dict(settings)), secrets and Jsonb(dict(secrets)),
                 who, why],
            )  # fmt: skip
            await conn.execute(_QUERIES["forget_superseded_secrets"], [number, version])
            before = latest.settings if latest else {}
            # An interval that is no longer requested is not known any more.
            unchanged = None if "interval" in before else interval
            desired = settings.get("name") or name, settings.get("interval", unchanged)
            if desired != (name, interval):
                await conn.execute(_QUERIES["begin_activity"], [who, why])
                await conn.execute(
                    _QUERIES["set_name_and_interval"],
                    [*desired, number],
                )
                await conn.execute(_QUERIES["end_activity"])
        return version

    async def reported(self, device: str, version: int, at: datetime, problem: str | None) -> None:
        """A device runs a version: its secrets are forgotten."""
        facts = {"device": device, "version": version, "at": at, "problem": problem}
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["version_reported"], facts)

    async def _latest_in(self, conn: Connection, device: str) -> SettingsVersion | None:
        async with conn.cursor(row_factory=class_row(SettingsVersion)) as cursor:
            await cursor.execute(_QUERIES["latest_versions"], {"device": device})
            return await cursor.fetchone()

    async def _versions(self, query: Query, parameters: Any) -> list[SettingsVersion]:
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=class_row(SettingsVersion)) as cursor,
        ):
            await cursor.execute(query, parameters)
            return await cursor.fetchall()
