"""What a device last said of itself, and what it has delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from hub.database.database import Store

__all__ = ["Devices", "Gaps"]


@dataclass(frozen=True, slots=True)
class Gaps:
    """One boot identity of a device: what was delivered of its sequence numbers 1..last.

    `missing` are the ranges [first, last] that never came; `lost` is how many readings the device
    says it thinned out itself, `unexplained` how many are missing beyond those.
    """

    device: str
    boot: str
    last: int
    held: int
    missing: list[tuple[int, int]]
    lost: int

    @property
    def unexplained(self) -> int:
        """Missing readings that the device does not own up to."""
        return max(0, sum(b - a + 1 for a, b in self.missing) - self.lost)


_ENSURE = """
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), %(device)s
WHERE NOT EXISTS (SELECT FROM dormouse.device WHERE key = %(device)s)
ON CONFLICT (tenant_id, key) DO NOTHING"""

# A report that is not the newest adds nothing to its day either: it would be in the wrong order.
_REPORT = """
WITH kept AS (
    INSERT INTO dormouse.device_state AS s
        (tenant_id, device_id, seen_at, next_wake_at, report, report_at)
    SELECT tenant_id, id, %(at)s, %(at)s + %(next_wake)s * interval '1 second', %(report)s, %(at)s
    FROM dormouse.device WHERE key = %(device)s
    ON CONFLICT (tenant_id, device_id) DO UPDATE
    SET seen_at = greatest(s.seen_at, excluded.seen_at), next_wake_at = excluded.next_wake_at,
        report = excluded.report, report_at = excluded.report_at
    WHERE s.report_at IS NULL OR s.report_at <= excluded.report_at
    RETURNING tenant_id, device_id)
INSERT INTO dormouse.report_daily AS r (tenant_id, device_id, day, reports, battery_first,
    battery_last, battery_low, rssi_total, rssi_count, awake_total, awake_count, awake_high,
    heap_low, watchdogs, watchdog_at, powers, power_at)
SELECT tenant_id, device_id, (%(at)s::timestamptz AT TIME ZONE 'UTC')::date, 1, %(battery)s,
    %(battery)s, %(battery)s, coalesce(%(rssi)s, 0), num_nonnulls(%(rssi)s::int),
    coalesce(%(awake)s, 0), num_nonnulls(%(awake)s::int), %(awake)s, %(heap)s,
    (%(reset)s = 'watchdog')::int, CASE WHEN %(reset)s = 'watchdog' THEN %(at)s::timestamptz END,
    (%(reset)s = 'power')::int, CASE WHEN %(reset)s = 'power' THEN %(at)s::timestamptz END
FROM kept
ON CONFLICT (tenant_id, device_id, day) DO UPDATE
SET reports = r.reports + 1,
    battery_first = coalesce(r.battery_first, excluded.battery_first),
    battery_last = coalesce(excluded.battery_last, r.battery_last),
    battery_low = least(r.battery_low, excluded.battery_low),
    rssi_total = r.rssi_total + excluded.rssi_total,
    rssi_count = r.rssi_count + excluded.rssi_count,
    awake_total = r.awake_total + excluded.awake_total,
    awake_count = r.awake_count + excluded.awake_count,
    awake_high = greatest(r.awake_high, excluded.awake_high),
    heap_low = least(r.heap_low, excluded.heap_low),
    watchdogs = r.watchdogs + excluded.watchdogs,
    watchdog_at = coalesce(excluded.watchdog_at, r.watchdog_at),
    powers = r.powers + excluded.powers,
    power_at = coalesce(excluded.power_at, r.power_at)"""

# What a device runs is a fact with a history: see dormouse.tick.
_FIRMWARE = """
UPDATE dormouse.device SET firmware = %(firmware)s
WHERE key = %(device)s AND firmware IS DISTINCT FROM %(firmware)s
  AND EXISTS (SELECT FROM dormouse.device_state s
              WHERE s.device_id = device.id AND s.report_at = %(at)s)"""

_LOST = """
INSERT INTO dormouse.delivery AS d (tenant_id, device_id, boot, lost)
SELECT tenant_id, id, %(boot)s, %(lost)s FROM dormouse.device WHERE key = %(device)s
ON CONFLICT (tenant_id, device_id, boot) DO UPDATE SET lost = greatest(d.lost, excluded.lost)
WHERE d.lost < excluded.lost"""

_GAPS = """
SELECT v.key, d.boot, coalesce(upper(d.seqs) - 1, 0) AS last,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int FROM unnest(d.seqs) AS r) AS held,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) ORDER BY r), '[]')
        FROM unnest(int4multirange(int4range(1, greatest(upper(d.seqs), 1))) - d.seqs) AS r),
       d.lost
FROM dormouse.delivery d JOIN dormouse.device v ON v.id = d.device_id
WHERE %(device)s::text IS NULL OR v.key = %(device)s
ORDER BY v.key, d.first_at, d.boot"""


class Devices:
    """The devices of one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def names(self) -> dict[str, str]:
        """What people call the devices, by id; those that nobody named are left out."""
        async with self._store.tenant(self._tenant) as conn:
            found = await conn.execute(
                "SELECT key, name FROM dormouse.device WHERE name IS NOT NULL"
            )
            return dict(await found.fetchall())

    async def report(
        self, device: str, report: Mapping[str, Any], at: datetime, next_wake_s: float | None
    ) -> None:
        """Keep the `$report` of a device, which is made when it is new.

        `at` is when it was sent; an older report than the kept one changes nothing. `next_wake_s`
        is None for a device that stays awake.
        """
        facts = {
            "device": device,
            "at": at,
            "next_wake": next_wake_s,
            "report": Jsonb(dict(report)),
            "battery": _whole(report.get("battery_mv")),
            "rssi": _whole(report.get("rssi")),
            "awake": _whole(report.get("awake_ms")),
            "heap": _whole(report.get("heap_free")),
            "reset": str(report.get("reset", "")),
            "firmware": str(report.get("firmware") or "")[:64],
        }
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(_ENSURE, facts)
            await conn.execute(_REPORT, facts)
            if facts["firmware"]:
                await conn.execute(_FIRMWARE, facts)

    async def lost(self, device: str, boot: str, lost: int) -> None:
        """Keep how many readings of a boot identity the device says it has thinned out."""
        facts = {"device": device, "boot": boot, "lost": lost}
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(_ENSURE, facts)
            await conn.execute(_LOST, facts)

    async def gaps(self, device: str | None = None) -> list[Gaps]:
        """What is missing, by device and boot identity, the oldest first."""
        async with self._store.tenant(self._tenant) as conn:
            rows = await (await conn.execute(_GAPS, {"device": device})).fetchall()
        return [
            Gaps(key, boot, last, held, [(a, b) for a, b in missing], lost)
            for key, boot, last, held, missing, lost in rows
        ]

    async def attributes(self, device: str, values: Mapping[str, Any]) -> None:
        """Merge values into the device's free attributes; None removes one."""
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(_ENSURE, {"device": device})
            await conn.execute(
                """INSERT INTO dormouse.device_state AS s (tenant_id, device_id, attributes)
                   SELECT tenant_id, id, jsonb_strip_nulls(%(values)s::jsonb)
                   FROM dormouse.device WHERE key = %(device)s
                   ON CONFLICT (tenant_id, device_id) DO UPDATE
                   SET attributes = jsonb_strip_nulls(s.attributes || %(values)s::jsonb)""",
                {"device": device, "values": Jsonb(dict(values))},
            )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
