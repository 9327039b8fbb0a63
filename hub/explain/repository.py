"""What is known of devices, gathered with a few queries whether one or all are asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg.rows import dict_row

from hub.database.database import Connection, TenantDatabase
from hub.database.queries import Queries, Query
from hub.device_settings.repository import SettingsRepository
from hub.explain.facts import (
    CHARGE_DAYS,
    DAYS,
    Day,
    DeviceFacts,
    LatestReading,
    LostReadings,
    RolloutStanding,
    Surroundings,
)
from hub.mqtt.account_repository import AccountState

__all__ = ["gather"]

_QUERIES = Queries.of("hub.explain")


async def gather(
    database: TenantDatabase,
    now: datetime,
    devices: Sequence[str] | None = None,
    surroundings: Surroundings | None = None,
) -> list[DeviceFacts]:
    """The facts of these devices (None: of all that were heard or have an account), by name."""
    surroundings = surroundings or Surroundings()
    parameters = {
        "keys": devices and list(devices), "now": now, "today": now.date(), "days": DAYS,
        "charge_days": CHARGE_DAYS,
    }  # fmt: skip
    async with database.transaction() as conn:
        async with conn.cursor(row_factory=dict_row) as cursor:
            rows = await (await cursor.execute(_QUERIES["devices"], parameters)).fetchall()
        readings = {
            k: LatestReading(*v)
            for k, *v in await _all(conn, _QUERIES["newest_readings"], parameters)
        }
        days: dict[str, list[Day]] = {}
        for key, *day in await _all(conn, _QUERIES["days_of_reports"], parameters):
            days.setdefault(key, []).append(Day(*day))
        levels: dict[str, list[tuple[date, float]]] = {}
        for key, day, level in await _all(conn, _QUERIES["battery_levels"], parameters):
            levels.setdefault(key, []).append((day, level))
        charges: dict[str, list[tuple[date, float]]] = {}
        for key, day, level in await _all(conn, _QUERIES["charges"], parameters):
            charges.setdefault(key, []).append((day, level))
        lost = {
            k: LostReadings(*v) for k, *v in await _all(conn, _QUERIES["lost_readings"], parameters)
        }
        rollouts = {
            k: RolloutStanding(*v)
            for k, *v in await _all(conn, _QUERIES["last_rollouts"], parameters)
        }
        replaced = _replaced(await _all(conn, _QUERIES["replacements"], parameters))
    settings = SettingsRepository(database)
    only = devices[0] if devices and len(devices) == 1 else None
    configs = {version.device: version for version in await settings.latest(only)}
    return [
        _facts(
            {
                **row,
                "last_reading": readings.get(row["device"]),
                "days": days.get(row["device"], ()),
                "levels": levels.get(row["device"], ()),
                "charges": charges.get(row["device"], ()),
                "lost": lost.get(row["device"]),
                "config": configs.get(row["device"]),
                "rollout": rollouts.get(row["device"]),
                "replaced_by": replaced.get(row["device"]),
            },
            surroundings,
        )
        for row in rows
    ]


def _facts(row: dict[str, Any], surroundings: Surroundings) -> DeviceFacts:
    device, reading = row["device"], row["last_reading"]
    times = [row["seen_at"], reading and reading.at]
    return DeviceFacts(
        **{
            **row,
            "name": row["name"] or surroundings.names.get(device),
            "account": row["account"] and AccountState(row["account"]),
            "seen_at": max((at for at in times if at is not None), default=None),
        },
        problems=surroundings.problems(device),
        hidden_parts=surroundings.hidden_parts(device),
        desired=surroundings.desired(device),
        online=surroundings.online(device),
        outages=[*surroundings.outages, *surroundings.cut_off.get(device, ())],
        tunnel=surroundings.tunnels.get(device),
    )


async def _all(conn: Connection, query: Query, parameters: Mapping[str, Any]) -> list[Any]:
    return list(await (await conn.execute(query, parameters)).fetchall())


def _replaced(rows: Sequence[tuple[str | None, ...]]) -> dict[str, tuple[str, datetime]]:
    """Who took whose place and when; attributes are anybody's to write, so not all is sense."""
    successors: dict[str, tuple[str, datetime]] = {}
    for old, new, at in rows:
        with contextlib.suppress(ValueError, TypeError):
            instant = datetime.fromisoformat(str(at))
            if old and new and instant.tzinfo is not None:
                successors[old] = new, instant
    return successors
