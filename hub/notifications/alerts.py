"""Alerts in the database: opened once, ended once, each with what is to be told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from psycopg.rows import dict_row

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.notifications.errors import AlertUnknownError
from hub.notifications.finding import Around, FindingEnd, Findings
from hub.notifications.model import Alert, NotifyChannel, Rule, RuleKind, RuleOptions
from hub.notifications.rule_writer import RuleWriter
from hub.notifications.telling import AlertWriter

__all__ = ["AlertRepository", "alert_of"]

_QUERIES = Queries.of("hub.notifications")

_KNOWN = timedelta(days=1)

T = TypeVar("T")


class AlertRepository:
    """The alerts of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def known(self, now: datetime) -> dict[int, dict[str, Alert]]:
        """By rule and subject what is open, or the newest that ended within a day."""
        found: dict[int, dict[str, Alert]] = {}
        for row in await self._rows("open_alerts", {"since": now - _KNOWN}):
            alert = alert_of(row)
            of_rule = found.setdefault(alert.rule or 0, {})
            before = of_rule.get(alert.subject)
            if before is None or before.ended_at is not None:
                of_rule[alert.subject] = alert
        return found

    async def any_open(self) -> bool:
        """Whether something goes on."""
        async with self._database.transaction() as conn:
            row = await (await conn.execute(_QUERIES["any_open"])).fetchone()
        return row is not None and bool(row[0])

    async def inbox(self, person: int, limit: int, *, only_open: bool = False) -> list[Alert]:
        """What a person sees: what is open first, the newest first."""
        facts = {"person": person, "limit": limit, "open": only_open}
        return [alert_of(row) for row in await self._rows("alerts", facts)]

    async def acknowledge(
        self, alerts: Sequence[int], person: int, who: str, now: datetime
    ) -> None:
        """Note who saw them, if nobody has. Raises AlertUnknownError for one that is not there."""
        facts = {"alerts": list(alerts), "person": person, "who": who, "now": now}
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["acknowledge"], facts)).fetchall()
            missing = set(alerts) - {row[0] for row in rows}
            if missing:
                raise AlertUnknownError(min(missing))
            await conn.execute(_QUERIES["forget_escalation"], [list(alerts)])

    async def record(
        self,
        found: Findings,
        known: Mapping[str, Alert],
        channels: Mapping[int, NotifyChannel],
        around: Around,
    ) -> int:
        """Write what is new of a rule, in one transaction; how many alerts changed."""
        rule, changed = found.rule, 0
        async with self._database.transaction() as conn:
            writer = AlertWriter(conn, channels, around)
            for finding in found.begun:
                changed += await writer.begin(rule, finding)
            for subject, ending in found.ended.items():
                before = known.get(subject)
                if before is not None and before.ended_at is None:
                    changed += await writer.end(rule, before, ending)
        return changed

    async def end_all_of(
        self,
        rule: Rule,
        why: str,
        channels: Mapping[int, NotifyChannel],
        around: Around,
        then: Callable[[RuleWriter], Awaitable[T]],
    ) -> T:
        """Of a rule that is off, changed, or gone: `then` writes that in the same transaction.

        What it returns.
        """
        async with self._database.transaction() as conn:
            writer = AlertWriter(conn, channels, around)
            ending = FindingEnd.of_unwatched(around.now, why)
            for alert in await self._rows("open_alerts_of", [rule.id]):
                await writer.end(rule, alert_of(alert), ending)
            return await then(RuleWriter(conn))

    async def end_lost(self, channels: Mapping[int, NotifyChannel], around: Around) -> int:
        """End what nobody looks at any more: its rule or its device is gone; how many.

        Those of removed devices are forgotten once that is told.
        """
        rows = await self._rows("lost_alerts", [])
        if not rows:
            await self.forget_removed()
            return 0
        async with self._database.transaction() as conn:
            writer = AlertWriter(conn, channels, around)
            for alert in map(alert_of, rows):
                rule = Rule(
                    alert.rule or 0, "", alert.kind, RuleOptions(), urgent=alert.urgent,
                    person=alert.person,
                )  # fmt: skip
                gone = "its device" if alert.rule is not None else "its rule"
                ending = FindingEnd.of_unwatched(around.now, f"{gone} was removed")
                await writer.end(rule, alert, ending)
        return len(rows)

    async def forget_removed(self) -> None:
        """Alerts of removed devices whose end is told."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["forget_removed"])

    async def escalate(
        self, rules: Sequence[Rule], channels: Mapping[int, NotifyChannel], around: Around
    ) -> int:
        """Tell further channels of what nobody acknowledged in time; of how many."""
        by_number = {one.id: one for one in rules if one.escalate and one.escalate_after_s}
        if not by_number:
            return 0
        facts = {"rules": list(by_number), "now": around.now}
        rows = await self._rows("not_acknowledged", facts)
        async with self._database.transaction() as conn:
            writer = AlertWriter(conn, channels, around)
            for alert in map(alert_of, rows):
                await writer.escalate(by_number[alert.rule or 0], alert)
        return len(rows)

    async def follow_replaced(self) -> bool:
        """Subjects are named by their device's id: follow those that took another's place."""
        async with self._database.transaction() as conn:
            return (await conn.execute(_QUERIES["follow_replaced"])).rowcount > 0

    async def forget_before(self, before: datetime) -> None:
        """Messages and ended alerts that are older."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["forget_old"], {"before": before})

    async def _rows(
        self, query: str, facts: Mapping[str, object] | Sequence[object]
    ) -> list[dict[str, Any]]:
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(_QUERIES[query], facts)
            return await cursor.fetchall()


def alert_of(row: dict[str, Any]) -> Alert:
    """An alert from its row."""
    return Alert(**{**row, "kind": RuleKind(row["kind"])})
