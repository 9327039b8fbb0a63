"""Rollouts as they are kept: every step is one transaction, with its line of history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from psycopg import errors as pg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hub.database.database import Connection, Store
from hub.rollouts.errors import DeviceBusyError, StaleRolloutError, UnknownRolloutError
from hub.rollouts.model import Device, FirmwareTarget, Rollout, Sample, Start, Transition
from hub.rollouts.rows import device_of, device_rows, event_rows, rollout_of, usual, without_secrets
from hub.rollouts.work import Outcome

__all__ = ["Kept", "StoredRollouts"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A rollout with its devices, by name."""

    rollout: Rollout
    devices: dict[str, Device]


_ENSURE = """
INSERT INTO dormouse.device (tenant_id, key)
SELECT dormouse.current_tenant(), wanted.key FROM unnest(%(devices)s::text[]) AS wanted(key)
WHERE NOT EXISTS (SELECT FROM dormouse.device d WHERE d.key = wanted.key)
ON CONFLICT (tenant_id, key) DO NOTHING"""

_GAPS = """
SELECT d.key, sum(greatest(0,
    greatest(coalesce(upper(v.seqs), 1) - 1, 0)
    - (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(v.seqs) AS r) - v.lost))::int
FROM dormouse.delivery v JOIN dormouse.device d ON d.id = v.device_id
WHERE d.key = ANY(%(devices)s) GROUP BY d.key"""

_STARTS = """
SELECT d.key, s.report, s.report_at,
       (SELECT max(r.command) FROM dormouse.rollout_device r
        JOIN dormouse.rollout o ON o.id = r.rollout_id
        WHERE r.device_id = d.id AND o.kind = 'firmware') AS command,
       (SELECT (sum(y.awake_total) / nullif(sum(y.awake_count), 0))::int
        FROM dormouse.report_daily y
        WHERE y.device_id = d.id AND y.day > current_date - 7) AS awake_ms
FROM dormouse.device d LEFT JOIN dormouse.device_state s ON s.device_id = d.id
WHERE d.key = ANY(%(devices)s)"""

_ADD = """
INSERT INTO dormouse.rollout (kind, target, options, image_id, phase, created_by, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id"""

_ADD_DEVICES = """
INSERT INTO dormouse.rollout_device
    (rollout_id, device_id, wave, state, attempts, command, reason, since, not_before, owed,
     health, health_reason, baseline, detail)
SELECT %(rollout)s, d.id, r.wave, r.state, r.attempts, r.command, r.reason, r.since, r.not_before,
       r.owed, r.health, r.health_reason, r.baseline, r.detail
FROM jsonb_to_recordset(%(devices)s) AS r(device text, wave int, state text, attempts int,
    command bigint, reason text, since timestamptz, not_before timestamptz, owed boolean,
    health text, health_reason text, baseline jsonb, detail jsonb)
JOIN dormouse.device d ON d.key = r.device"""

_CHANGE_DEVICES = """
UPDATE dormouse.rollout_device AS t
SET wave = r.wave, state = r.state, attempts = r.attempts, command = r.command,
    reason = r.reason, since = r.since, not_before = r.not_before, owed = r.owed,
    health = r.health, health_reason = r.health_reason, baseline = r.baseline, detail = r.detail
FROM jsonb_to_recordset(%(devices)s) AS r(device text, wave int, state text, attempts int,
    command bigint, reason text, since timestamptz, not_before timestamptz, owed boolean,
    health text, health_reason text, baseline jsonb, detail jsonb)
JOIN dormouse.device d ON d.key = r.device
WHERE t.rollout_id = %(rollout)s AND t.device_id = d.id"""

_ADD_EVENTS = """
INSERT INTO dormouse.rollout_event
    (rollout_id, device_id, at, what, before, after, reason, command)
SELECT %(rollout)s, d.id, r.at, r.what, r.before, r.after, r.reason, r.command
FROM ROWS FROM (jsonb_to_recordset(%(events)s) AS (device text, at timestamptz, what text,
    before text, after text, reason text, command bigint)) WITH ORDINALITY
    AS r(device, at, what, before, after, reason, command, n)
LEFT JOIN dormouse.device d ON d.key = r.device
ORDER BY r.n"""

_CHANGE = """
UPDATE dormouse.rollout
SET phase = %(phase)s, reason = %(reason)s, wave = %(wave)s, forgiven = %(forgiven)s,
    revision = revision + 1, changed_at = clock_timestamp(),
    target = CASE WHEN %(over)s THEN %(target)s ELSE target END
WHERE id = %(rollout)s AND revision = %(revision)s"""

_REVISION = "SELECT revision FROM dormouse.rollout WHERE id = %s"

_ROLLOUTS = """
SELECT id, target, options, phase, reason, wave, forgiven, revision, created_by, created_at
FROM dormouse.rollout
WHERE (%(id)s::int IS NULL OR id = %(id)s)
  AND (NOT %(open)s OR phase NOT IN ('aborted', 'done'))
ORDER BY id DESC LIMIT %(limit)s"""

_DEVICES = """
SELECT r.rollout_id, d.key AS device, r.wave, r.state, r.attempts, r.command, r.reason, r.since,
       r.not_before, r.owed, r.health, r.health_reason,
       CASE WHEN %(whole)s THEN r.baseline ELSE '{}' END AS baseline, r.detail
FROM dormouse.rollout_device r JOIN dormouse.device d ON d.id = r.device_id
WHERE r.rollout_id = ANY(%(rollouts)s) ORDER BY r.rollout_id, r.wave, d.key"""

_BUSY = """
SELECT d.key, r.rollout_id FROM dormouse.rollout_device r
JOIN dormouse.device d ON d.id = r.device_id
WHERE d.key = ANY(%s) AND r.state NOT IN ('updated', 'failed', 'skipped') ORDER BY d.key"""

# They may sit in their OTA servers still. After a month somebody has taken the device away.
_STRANDED = """
SELECT DISTINCT d.key FROM dormouse.rollout_device r JOIN dormouse.device d ON d.id = r.device_id
LEFT JOIN dormouse.device_state s ON s.device_id = d.id
WHERE r.state = 'failed' AND (r.detail ->> 'stranded')::boolean
  AND r.since > now() - interval '30 days' AND (s.seen_at IS NULL OR s.seen_at < r.since)"""

# What was owed to the broker when the hub ended, and is not in another rollout's hands by now.
_OWED = """
SELECT d.key, r.rollout_id FROM dormouse.rollout_device r
JOIN dormouse.device d ON d.id = r.device_id
WHERE r.owed AND NOT EXISTS (
    SELECT FROM dormouse.rollout_device o
    WHERE o.device_id = r.device_id AND o.state NOT IN ('updated', 'failed', 'skipped'))"""

_EVENTS = """
SELECT e.id, e.at, e.what, d.key AS device, e.before, e.after, e.reason, e.command
FROM dormouse.rollout_event e LEFT JOIN dormouse.device d ON d.id = e.device_id
WHERE e.rollout_id = %(rollout)s AND e.id > %(since)s
  AND (%(device)s::text IS NULL OR d.key = %(device)s)
ORDER BY e.id LIMIT %(limit)s"""


class StoredRollouts:
    """The rollouts of one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def starts(self, devices: Sequence[str]) -> dict[str, Start]:
        """What is known of devices before a rollout; those that never spoke are made."""
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(_ENSURE, {"devices": list(devices)})
            gaps = await self._gaps(conn, devices)
            rows = await (await conn.execute(_STARTS, {"devices": list(devices)})).fetchall()
        found = {
            key: Start(
                Sample.of(report, at) if report else None,
                command or 0,
                gaps.get(key, 0),
                usual(awake_ms, report, at),
            )
            for key, report, at, command, awake_ms in rows
        }
        return {device: found[device] for device in devices}

    async def gaps(self, devices: Iterable[str]) -> dict[str, int]:
        """How many readings of each device are missing without explanation."""
        async with self._store.tenant(self._tenant) as conn:
            return await self._gaps(conn, devices)

    async def add(
        self, rollout: Rollout, devices: Mapping[str, Device], transitions: Iterable[Transition]
    ) -> Rollout:
        """Keep a new rollout; it comes back with its number. Raises DeviceBusyError."""
        target = rollout.target
        image = target.image if isinstance(target, FirmwareTarget) else None
        try:
            async with self._store.tenant(self._tenant) as conn:
                made = await conn.execute(
                    _ADD,
                    [
                        target.kind,
                        Jsonb(target.model_dump()),
                        Jsonb(rollout.options.model_dump()),
                        image,
                        rollout.phase,
                        rollout.created_by,
                        rollout.created_at,
                    ],
                )
                row = await made.fetchone()
                number = int(row[0]) if row else 0
                await conn.execute(
                    _ADD_DEVICES,
                    {"rollout": number, "devices": device_rows(devices.values())},
                )
                await _add_events(conn, number, transitions)
        except pg.UniqueViolation:
            raise DeviceBusyError(await self.busy(devices)) from None
        values = {f.name: getattr(rollout, f.name) for f in fields(rollout)}
        return Rollout(**{**values, "id": number})

    async def busy(self, devices: Iterable[str]) -> dict[str, int]:
        """Which of the devices are in a rollout now, and in which."""
        async with self._store.tenant(self._tenant) as conn:
            return dict(await (await conn.execute(_BUSY, [list(devices)])).fetchall())

    async def commit(self, before: Rollout, outcome: Outcome) -> Rollout:
        """Keep what a step came to; the rollout with its new revision.

        The same step again, when it was not known whether it had been committed, changes nothing.
        Raises StaleRolloutError when somebody else has gone on with the rollout.
        """
        after = outcome.rollout
        async with self._store.tenant(self._tenant) as conn:
            changed = await conn.execute(
                _CHANGE,
                {
                    "rollout": after.id, "phase": after.phase, "reason": after.reason,
                    "wave": after.wave, "forgiven": after.forgiven, "revision": before.revision,
                    "over": after.phase.over, "target": Jsonb(without_secrets(after.target)),
                },
            )  # fmt: skip
            if changed.rowcount == 1:
                if outcome.changed:
                    await conn.execute(
                        _CHANGE_DEVICES,
                        {
                            "rollout": after.id,
                            "devices": device_rows(outcome.changed.values()),
                        },
                    )
                await _add_events(conn, after.id, outcome.transitions)
            else:
                row = await (await conn.execute(_REVISION, [after.id])).fetchone()
                if row is None or row[0] != before.revision + 1:
                    raise StaleRolloutError(after.id)
        values = {f.name: getattr(after, f.name) for f in fields(after)}
        return Rollout(**{**values, "revision": before.revision + 1})

    async def load(self, number: int) -> Kept:
        """One rollout. Raises UnknownRolloutError."""
        known = 0 < number < 2**31  # what the column can hold
        found = await self._load({"id": number, "open": False, "limit": 1}) if known else []
        if not found:
            raise UnknownRolloutError(number)
        return found[0]

    async def open(self) -> list[Kept]:
        """All that are not over."""
        return await self._load({"id": None, "open": True, "limit": None})

    async def latest(self, limit: int = 50) -> list[Kept]:
        """The newest, first; their devices without their reports."""
        return await self._load({"id": None, "open": False, "limit": limit}, whole=False)

    async def owed(self) -> list[str]:
        """Devices whose command the broker may still hold although it is over."""
        async with self._store.tenant(self._tenant) as conn:
            return [row[0] for row in await (await conn.execute(_OWED)).fetchall()]

    async def stranded(self) -> list[str]:
        """Devices that a failed update has left in their OTA servers, and not heard since."""
        async with self._store.tenant(self._tenant) as conn:
            return [row[0] for row in await (await conn.execute(_STRANDED)).fetchall()]

    async def paid(self, devices: Sequence[str]) -> None:
        """The broker has forgotten these commands."""
        async with self._store.tenant(self._tenant) as conn:
            await conn.execute(
                """UPDATE dormouse.rollout_device AS r SET owed = false FROM dormouse.device d
                   WHERE d.id = r.device_id AND d.key = ANY(%s) AND r.owed""",
                [list(devices)],
            )

    async def events(
        self, number: int, *, since: int = 0, device: str | None = None, limit: int = 10000
    ) -> list[dict[str, Any]]:
        """The recorded history beyond event `since`, oldest first.

        Each has `id`, `at`, `what`, `device` (None: of the rollout), `before`, `after`, `reason`,
        `command`.
        """
        facts = {"rollout": number, "since": since, "device": device, "limit": limit}
        async with (
            self._store.tenant(self._tenant) as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_EVENTS, facts)
            return await cursor.fetchall()

    async def _load(self, wanted: Mapping[str, object], *, whole: bool = True) -> list[Kept]:
        async with (
            self._store.tenant(self._tenant) as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_ROLLOUTS, wanted)
            rollouts = {row["id"]: Kept(rollout_of(row), {}) for row in await cursor.fetchall()}
            await cursor.execute(_DEVICES, {"rollouts": list(rollouts), "whole": whole})
            for row in await cursor.fetchall():
                device = device_of(row)
                rollouts[row["rollout_id"]].devices[device.device] = device
        return list(rollouts.values())

    async def _gaps(self, conn: Connection, devices: Iterable[str]) -> dict[str, int]:
        return dict(await (await conn.execute(_GAPS, {"devices": list(devices)})).fetchall())


async def _add_events(conn: Connection, rollout: int, events: Iterable[Transition]) -> None:
    rows = event_rows(events)
    if rows:
        await conn.execute(_ADD_EVENTS, {"rollout": rollout, "events": Jsonb(rows)})
