"""Writes that something began or is over, and which channels are to be told when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from hub.database.database import Connection
from hub.database.queries import Queries
from hub.notifications.finding import Around, Finding, FindingEnd
from hub.notifications.model import Alert, NotifyChannel, Rule, RuleKind, Told

__all__ = ["AlertWriter"]

_QUERIES = Queries.of("hub.notifications")

_FEW = 3


class _Pace(NamedTuple):
    """How soon a rule's messages follow each other.

    What begins within `gathered` is told together; after `most` messages within `SELDOM` what
    follows waits until it is over.
    """

    gathered: timedelta = timedelta()
    most: int = _FEW


_SELDOM = timedelta(minutes=10)
# Devices fall silent one after the other.
_PACES = {
    RuleKind.SILENT: _Pace(timedelta(seconds=60), 1),
    RuleKind.ODD: _Pace(timedelta(seconds=60), 1),
    RuleKind.DISK: _Pace(most=1),
}


class AlertWriter:
    """Writes within one transaction; `channels` are the tenant's, by number."""

    def __init__(
        self, conn: Connection, channels: Mapping[int, NotifyChannel], around: Around
    ) -> None:
        self._conn, self._channels, self._around = conn, channels, around

    async def begin(self, rule: Rule, finding: Finding) -> bool:
        """Open an alert, and say whom it is told; whether there was none of it."""
        ending = finding.ending
        facts = {
            "rule": rule.id or None, "person": rule.person, "kind": rule.kind,
            "subject": finding.subject, "device": finding.device, "place": finding.place,
            "name": finding.name, "text": finding.text, "urgent": rule.urgent,
            "since": finding.since, "now": self._around.now, "ended_at": ending and ending.at,
            "ended_text": ending.text if ending else "",
        }  # fmt: skip
        row = await (await self._conn.execute(_QUERIES["open_alert"], facts)).fetchone()
        if row is None:
            return False
        what = Told.OPENED if ending is None else Told.ENDED
        await self._tell(rule, row[0], finding.place, rule.channels, what)
        return True

    async def end(self, rule: Rule, alert: Alert, ending: FindingEnd) -> bool:
        """Write that it is over; told are those channels that were, or are to be, told of it."""
        facts = {"alert": alert.id, "ended_at": ending.at, "text": ending.text}
        row = await (await self._conn.execute(_QUERIES["end_alert"], facts)).fetchone()
        if row is None:
            return False
        await self._conn.execute(
            _QUERIES["forget_unsaid"], {"alert": alert.id, "all": ending.unwatched}
        )
        rows = await (await self._conn.execute(_QUERIES["told_of"], [alert.id])).fetchall()
        await self._tell(rule, alert.id, alert.place, [row[0] for row in rows], Told.ENDED)
        return True

    async def escalate(self, rule: Rule, alert: Alert) -> None:
        """Nobody acknowledged it: tell further channels."""
        await self._tell(rule, alert.id, alert.place, rule.escalate, Told.ESCALATED)

    async def _tell(
        self, rule: Rule, alert: int, place: int | None, numbers: Sequence[int], what: Told
    ) -> None:
        """Note that channels are to be told, each when it may be used."""
        told = [self._channels[one] for one in numbers if one in self._channels]
        if not told:
            return
        zone, now = self._around.zones.of_place(place), self._around.now
        pace = _PACES.get(rule.kind, _Pace())
        facts = {
            "channels": [one.id for one in told], "rule": rule.id, "since": now - _SELDOM,
            "now": now, "most": pace.most,
        }  # fmt: skip
        rows = await (await self._conn.execute(_QUERIES["last_said"], facts)).fetchall()
        full: dict[int, datetime] = dict(rows)
        dues = []
        for channel in told:
            at = now
            if not rule.urgent and what is not Told.ESCALATED:
                at += pace.gathered
                if channel.id in full:
                    at = max(at, full[channel.id] + _SELDOM)
            dues.append(channel.hours.due(at, zone, urgent=rule.urgent))
        facts = {"alert": alert, "channels": [c.id for c in told], "dues": dues, "what": what}
        await self._conn.execute(_QUERIES["add_due"], facts)
