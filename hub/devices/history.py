"""What was true of a device at an instant, and what changed since: for pages and programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hub.database.database import Store

__all__ = ["Changed", "Past", "changes_of", "device_at"]


@dataclass(frozen=True, slots=True)
class Past:
    """A device as it was known at an instant; `since` is the last change before.

    `place_path` names the places from the outside in, as they are called today; empty where they
    are gone. `calibration` lists each series' calibrations (JSON).
    """

    device: str
    since: datetime
    name: str | None
    place: int | None
    place_path: list[str]
    interval_s: int | None
    owner: str | None
    firmware: str | None
    calibration: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Changed:
    """A property that went from one value to another."""

    at: datetime
    property: str
    before: Any
    after: Any
    who: str | None
    why: str | None


_PATH = """
WITH RECURSIVE up AS (
    SELECT id, parent_id, name, 0 AS depth FROM dormouse.place WHERE id = {of}
    UNION ALL
    SELECT p.id, p.parent_id, p.name, up.depth + 1
    FROM dormouse.place p JOIN up ON p.id = up.parent_id)
SELECT {what} FROM up"""
_AS_LIST = _PATH.format(
    of="t.location_id", what="coalesce(array_agg(name ORDER BY depth DESC), '{}')"
)

_AT = f"""
SELECT d.key AS device, t.at AS since, t.name, t.location_id AS place, ({_AS_LIST}) AS place_path,
       t.interval_s, t.owner, t.firmware, coalesce(t.calibration, '[]') AS calibration
FROM dormouse.device d, dormouse.device_as_of(%(at)s, d.id) t
WHERE d.key = %(device)s"""  # noqa: S608  # constants

_CHANGES = """
SELECT c.at, CASE c.property WHEN 'location' THEN 'place' ELSE c.property END AS property,
       c.before, c.after, c.who, c.why
FROM dormouse.device d,
     dormouse.device_changes(d.id, coalesce(%(since)s::timestamptz, '-infinity'),
                             coalesce(%(until)s::timestamptz, 'infinity')) c
WHERE d.key = %(device)s ORDER BY c.at DESC, c.property LIMIT %(most)s"""


async def device_at(store: Store, tenant: str, device: str, instant: datetime) -> Past | None:
    """A device as it was; None before it was known."""
    facts = {"device": device, "at": instant}
    async with store.tenant(tenant) as conn, conn.cursor(row_factory=class_row(Past)) as rows:
        await rows.execute(_AT, facts)
        return await rows.fetchone()


async def changes_of(
    store: Store,
    tenant: str,
    device: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int = 100,
) -> list[Changed]:
    """What changed of a device, since < at <= until, the newest first; places by number."""
    facts = {"device": device, "since": since, "until": until, "most": most}
    async with store.tenant(tenant) as conn, conn.cursor(row_factory=class_row(Changed)) as rows:
        await rows.execute(_CHANGES, facts)
        return await rows.fetchall()
