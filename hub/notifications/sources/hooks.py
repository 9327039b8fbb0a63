"""Runs of hooks: those that failed until one passes, and those that passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from hub.database.database import Database
from hub.database.queries import Queries
from hub.notifications.finding import Around, Finding, FindingEnd, Findings
from hub.notifications.model import Alert, Rule

__all__ = ["HookRunSource"]

_QUERIES = Queries.of("hub.notifications.sources")
_RECENT = timedelta(days=1)
# Of a step's last lines: what a phone shows.
_LINES = 8


class HookRunSource:
    """What came of pushes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """Of the last day."""
        async with self._database.of(around.tenant).transaction() as conn:
            rows = await conn.execute(_QUERIES["ended_runs"], [around.now - _RECENT])
            runs = await rows.fetchall()
        every = []
        for rule in rules:
            found, before = Findings(rule), known.get(rule.id, {})
            passed: dict[str, FindingEnd] = {}
            for hook, number, failed, reason, at, tail in runs:
                subject = f"hook {hook} run {number}"
                if not failed:
                    passed[hook] = FindingEnd(at, f"run {number}: {reason}")
                fresh = rule.created_at is None or at >= rule.created_at
                if subject in before or not fresh:
                    continue
                text = f"run {number} failed at {_said(reason, tail)}" if failed else ""
                ending = None if failed else passed[hook]
                text = text or passed[hook].text
                found.begun.append(Finding(subject, f"Hook {hook}", text, at, ending=ending))
            for subject, alert in before.items():
                hook = subject.split(" ")[1]
                later = passed.get(hook)
                if alert.ended_at is None and later is not None and later.at > alert.since:
                    found.ended[subject] = later
            every.append(found)
        return every


def _said(reason: str, tail: str) -> str:
    lines = [line for line in tail.splitlines() if line.strip()][-_LINES:]
    return "\n".join([reason, *lines])
