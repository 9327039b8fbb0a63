"""What is known of devices, gathered with a few queries whether one or all are asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg.rows import dict_row

from hub.database.database import Connection, Store
from hub.device_settings.repository import StoredConfigs, Version
from hub.explain.outages import Outage
from hub.mqtt.account_repository import AccountState
from hub.runtime.problems import Seen

__all__ = ["Day", "Facts", "Heard", "InRollout", "Lost", "Surroundings", "gather"]

DAYS = 14
"""How far back trends look: two weeks show what a battery does."""


@dataclass(frozen=True, slots=True)
class Day:
    """A device's reports of one day (UTC); millivolts, dBm, milliseconds. None: never said."""

    day: date
    reports: int
    battery_first: int | None
    battery_last: int | None
    rssi: float | None
    awake_ms: float | None
    watchdogs: int
    watchdog_at: datetime | None
    powers: int
    power_at: datetime | None


@dataclass(frozen=True, slots=True)
class Heard:
    """Newest reading of a device, and what its battery series say (None: it has none)."""

    at: datetime
    battery_percent: float | None
    battery_low: bool | None


@dataclass(frozen=True, slots=True)
class Lost:
    """Readings that will not come, of the boot identities heard in these days.

    `held` are there; the first of either came at `since`, the last at `at`.
    """

    missing: int
    thinned: int
    held: int
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class InRollout:
    """Where a device stands in the last rollout that named it; `version` None: of settings."""

    rollout: int
    version: str | None
    phase: str
    rollout_reason: str
    rollout_wave: int
    wave: int
    state: str
    attempts: int
    reason: str
    since: datetime
    not_before: datetime | None
    health: str
    health_reason: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What only the running hub knows; each member takes a device.

    `names` are what HomeKit calls devices, `problems` what was refused of their messages by kind,
    `held` why HomeKit is not shown parts of them, `desired` what HomeKit wrote and they have not
    confirmed, `online` what their last will says (None: they have none).
    """

    names: Mapping[str, str] = field(default_factory=dict)
    problems: Callable[[str], Mapping[str, Seen]] = lambda _: {}
    held: Callable[[str], Sequence[str]] = lambda _: ()
    desired: Callable[[str], Mapping[str, str]] = lambda _: {}
    online: Callable[[str], bool | None] = lambda _: None
    outages: Sequence[Outage] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one device; None where nothing is.

    `seen_at` is the newest of its reports and readings, `next_wake_at` when its last report said
    it would wake (None: it stays awake, or never said).
    """

    device: str
    name: str | None = None
    place: str | None = None
    created_at: datetime | None = None
    account: AccountState | None = None
    account_at: datetime | None = None
    account_changed_at: datetime | None = None
    seen_at: datetime | None = None
    next_wake_at: datetime | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    report_at: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    rollout: InRollout | None = None
    replaced_by: tuple[str, datetime] | None = None
    heard: Heard | None = None
    days: Sequence[Day] = ()
    levels: Sequence[tuple[date, float]] = ()
    lost: Lost | None = None
    config: Version | None = None
    problems: Mapping[str, Seen] = field(default_factory=dict)
    held: Sequence[str] = ()
    desired: Mapping[str, str] = field(default_factory=dict)
    online: bool | None = None
    outages: Sequence[Outage] = ()


_DEVICES = """
SELECT coalesce(d.key, a.device) AS device, d.name, p.name AS place, d.created_at,
       a.state AS account, a.created_at AS account_at, a.changed_at AS account_changed_at,
       s.seen_at, s.next_wake_at, coalesce(s.report, '{}') AS report, s.report_at,
       coalesce(s.attributes, '{}') AS attributes
FROM dormouse.device d
LEFT JOIN dormouse.device_state s ON s.device_id = d.id
LEFT JOIN dormouse.place p ON p.id = d.location_id
FULL JOIN (SELECT * FROM dormouse.account WHERE device !~ '^viewer([.]|$)') a ON a.device = d.key
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s) OR a.device = ANY(%(keys)s)
ORDER BY 1"""

_HEARD = """
SELECT d.key, max(l.at) AS at,
       min(l.value) FILTER (WHERE r.characteristic = 'BatteryLevel') AS battery_percent,
       bool_or(l.value <> 0) FILTER (WHERE r.characteristic = 'StatusLowBattery') AS battery_low
FROM dormouse.latest l
JOIN dormouse.series r ON r.tenant_id = l.tenant_id AND r.id = l.series_id
JOIN dormouse.device d ON d.tenant_id = l.tenant_id AND d.id = r.device_id
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)
GROUP BY d.key"""

_DAYS = """
SELECT d.key, r.day, r.reports, r.battery_first, r.battery_last,
       r.rssi_total::float / nullif(r.rssi_count, 0) AS rssi,
       r.awake_total::float / nullif(r.awake_count, 0) AS awake_ms,
       r.watchdogs, r.watchdog_at, r.powers, r.power_at
FROM dormouse.report_daily r JOIN dormouse.device d ON d.id = r.device_id
WHERE (%(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)) AND r.day > %(today)s - %(days)s
ORDER BY d.key, r.day"""

# Only of devices whose reports name no voltage, which says more.
_LEVELS = """
SELECT d.key, (x.start AT TIME ZONE 'UTC')::date, x.last
FROM dormouse.device d
JOIN dormouse.series r ON r.tenant_id = d.tenant_id AND r.device_id = d.id
    AND r.characteristic = 'BatteryLevel'
CROSS JOIN LATERAL (
    SELECT x.start, x.last FROM dormouse.daily x
    WHERE x.tenant_id = r.tenant_id AND x.series_id = r.id
      AND x.start > %(now)s - %(days)s * interval '1 day'
) AS x
WHERE (%(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s))
  AND NOT EXISTS (
    SELECT FROM dormouse.report_daily p WHERE p.tenant_id = d.tenant_id AND p.device_id = d.id
      AND p.day > %(today)s - %(days)s AND p.battery_last IS NOT NULL)
ORDER BY d.key, x.start"""

_LOST = """
SELECT v.key, sum(greatest(coalesce(upper(d.seqs) - 1, 0) - m.held - d.lost, 0))::int AS missing,
       sum(d.lost)::int AS thinned, sum(m.held)::int AS held, min(d.first_at) AS since,
       max(d.last_at) AS at
FROM dormouse.delivery d
JOIN dormouse.device v ON v.id = d.device_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(upper(r) - lower(r)), 0) AS held FROM unnest(d.seqs) AS r
) AS m
WHERE (%(keys)s::text[] IS NULL OR v.key = ANY(%(keys)s))
  AND d.last_at > %(now)s - %(days)s * interval '1 day'
GROUP BY v.key
HAVING sum(d.lost) > 0 OR sum(coalesce(upper(d.seqs) - 1, 0) - m.held - d.lost) > 0"""


_ROLLOUTS = """
SELECT DISTINCT ON (d.key) d.key, r.id,
       CASE r.kind WHEN 'firmware' THEN r.target ->> 'version' END, r.phase, r.reason, r.wave,
       x.wave, x.state, x.attempts, x.reason, x.since, x.not_before, x.health, x.health_reason
FROM dormouse.rollout_device x
JOIN dormouse.rollout r ON r.id = x.rollout_id
JOIN dormouse.device d ON d.id = x.device_id
WHERE %(keys)s::text[] IS NULL OR d.key = ANY(%(keys)s)
ORDER BY d.key, r.id DESC"""

# The newest: a device may have replaced a replacement.
_REPLACED = """
SELECT r ->> 'old', r ->> 'new', r ->> 'at'
FROM dormouse.device_state s
CROSS JOIN LATERAL jsonb_path_query(s.attributes, '$.replacements[*]') AS r
WHERE %(keys)s::text[] IS NULL OR r ->> 'old' = ANY(%(keys)s)
ORDER BY r ->> 'at'"""


async def gather(
    store: Store,
    tenant: str,
    now: datetime,
    devices: Sequence[str] | None = None,
    around: Surroundings | None = None,
) -> list[Facts]:
    """The facts of these devices (None: of all that were heard or have an account), by name."""
    around = around or Surroundings()
    asked = {"keys": devices and list(devices), "now": now, "today": now.date(), "days": DAYS}
    async with store.tenant(tenant) as conn:
        async with conn.cursor(row_factory=dict_row) as cursor:
            rows = await (await cursor.execute(_DEVICES, asked)).fetchall()
        heard = {k: Heard(*v) for k, *v in await _all(conn, _HEARD, asked)}
        days: dict[str, list[Day]] = {}
        for key, *day in await _all(conn, _DAYS, asked):
            days.setdefault(key, []).append(Day(*day))
        levels: dict[str, list[tuple[date, float]]] = {}
        for key, day, level in await _all(conn, _LEVELS, asked):
            levels.setdefault(key, []).append((day, level))
        lost = {k: Lost(*v) for k, *v in await _all(conn, _LOST, asked)}
        rollouts = {k: InRollout(*v) for k, *v in await _all(conn, _ROLLOUTS, asked)}
        replaced = _replaced(await _all(conn, _REPLACED, asked))
    kept = StoredConfigs(store, tenant)
    only = devices[0] if devices and len(devices) == 1 else None
    configs = {version.device: version for version in await kept.latest(only)}
    return [
        _facts(
            {
                **row,
                "heard": heard.get(row["device"]),
                "days": days.get(row["device"], ()),
                "levels": levels.get(row["device"], ()),
                "lost": lost.get(row["device"]),
                "config": configs.get(row["device"]),
                "rollout": rollouts.get(row["device"]),
                "replaced_by": replaced.get(row["device"]),
            },
            around,
        )
        for row in rows
    ]


def _facts(found: dict[str, Any], around: Surroundings) -> Facts:
    device, heard = found["device"], found["heard"]
    times = [found["seen_at"], heard and heard.at]
    return Facts(
        **{
            **found,
            "name": found["name"] or around.names.get(device),
            "account": found["account"] and AccountState(found["account"]),
            "seen_at": max((at for at in times if at is not None), default=None),
        },
        problems=around.problems(device),
        held=around.held(device),
        desired=around.desired(device),
        online=around.online(device),
        outages=around.outages,
    )


async def _all(conn: Connection, query: str, asked: Mapping[str, Any]) -> list[Any]:
    return list(await (await conn.execute(query, asked)).fetchall())


def _replaced(rows: Sequence[tuple[str | None, ...]]) -> dict[str, tuple[str, datetime]]:
    """Who took whose place and when; attributes are anybody's to write, so not all is sense."""
    found: dict[str, tuple[str, datetime]] = {}
    for old, new, at in rows:
        with contextlib.suppress(ValueError, TypeError):
            instant = datetime.fromisoformat(str(at))
            if old and new and instant.tzinfo is not None:
                found[old] = new, instant
    return found
