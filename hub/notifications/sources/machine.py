"""The hub itself: halted rollouts, times in which it was away, its backups, its disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from contracts.show import count, span
from hub.backups.model import BackupTrouble
from hub.backups.service import BackupService
from hub.database.database import Database
from hub.database.queries import Queries
from hub.explain.outages import Away
from hub.explain.problems import OutagesLike
from hub.notifications.finding import Around, Finding, FindingEnd, Findings
from hub.notifications.model import Alert, Rule
from hub.runtime import disk

__all__ = [
    "AwaySource",
    "BackupSource",
    "BackupStanding",
    "DiskSource",
    "RolloutSource",
    "standing_of",
]

_QUERIES = Queries.of("hub.notifications.sources")

_HUB = "The hub"
_ROOM = "there is room on the disk again"
# Shorter ones are a restart.
_AWAY_S = 300.0
_RECENT = timedelta(days=1)


class RolloutSource:
    """Rollouts that a gate or failures halted: a person decides how they go on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """Which were halted, which go on or are over."""
        async with self._database.of(around.tenant).transaction() as conn:
            rows = await (await conn.execute(_QUERIES["halted_rollouts"])).fetchall()
        halted = {f"rollout {number}": (reason, at) for number, reason, at in rows}
        every = []
        for rule in rules:
            found, before = Findings(rule), known.get(rule.id, {})
            for subject, (reason, at) in halted.items():
                if not _is_open(before.get(subject)):
                    text = f"halted: {reason}" if reason else "halted"
                    found.begun.append(Finding(subject, subject.capitalize(), text, at))
            for subject, alert in before.items():
                if _is_open(alert) and subject not in halted:
                    found.ended[subject] = FindingEnd(around.now, "it is no longer halted")
            every.append(found)
        return every


class AwaySource:
    """Times in which nobody could be heard: told when they are over, the broker's at once."""

    def __init__(self, outages: OutagesLike) -> None:
        self._outages = outages

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """Of the last day, those that lasted."""
        outages = [
            one for one in self._outages.all() if one.end is None or around.now - one.end < _RECENT
        ]
        clock = around.clock(None)
        every = []
        for rule in rules:
            found, before = Findings(rule), known.get(rule.id, {})
            for one in outages:
                lasted = ((one.end or around.now) - one.start).total_seconds()
                if lasted < (rule.options.lasting_s or _AWAY_S):
                    continue
                if rule.created_at is not None and (one.end or around.now) < rule.created_at:
                    continue
                subject = f"{one.what.value} {one.start:%Y-%m-%dT%H:%M:%S}"
                alert = before.get(subject)
                text = _away(
                    one.what, clock.at(one.start), clock.at(one.end) if one.end else None, lasted
                )
                ending = None if one.end is None else FindingEnd(one.end, text)
                if alert is None:
                    found.begun.append(Finding(subject, _HUB, text, one.start, ending=ending))
                elif alert.ended_at is None and ending is not None:
                    found.ended[subject] = ending
            every.append(found)
        return every


def _away(what: Away, start: str, end: str | None, lasted: float) -> str:
    if what is Away.HUB:
        return f"was away from {start} to {end} ({span(lasted)}): nobody was heard meanwhile"
    if end is None:
        return f"not connected to its broker since {start}: no device can be heard"
    return f"was not connected to its broker from {start} to {end} ({span(lasted)})"


class DiskSource:
    """The disk with the data folder."""

    def __init__(self, folder: Path, room: Callable[[Path], disk.DiskRoom] = disk.room) -> None:
        self._folder, self._room = folder, room

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """Whether there is little room, or enough again."""
        room = self._room(self._folder)
        text = None
        if room is not disk.DiskRoom.OK:
            full = "the disk is full" if room is disk.DiskRoom.FULL else "the disk is nearly full"
            text = f"{full}: {disk.told(self._folder)}"
        return [
            _one(rule, known, "disk", text, since=around.now, now=around.now, over=_ROOM)
            for rule in rules
        ]


@dataclass(frozen=True, slots=True)
class BackupStanding:
    """How backups are: `problem` says what is wrong since `since`; empty: nothing."""

    problem: str = ""
    since: datetime | None = None


def standing_of(backups: BackupService) -> BackupStanding:
    """How a hub's backups are; where somebody else makes them nothing is known, nor told."""
    state, trouble = backups.state, backups.trouble
    if not backups.by_itself or trouble is None:
        return BackupStanding()
    if trouble is BackupTrouble.FAILED and state.failure is not None:
        failure = state.failure
        times = f" {count(failure.times, 'time')}" if failure.times > 1 else ""
        return BackupStanding(f"the backup failed{times}: {failure.reason}", failure.since)
    if trouble is BackupTrouble.DRILL_FAILED and state.drill is not None:
        text = f"a backup could not be restored: {state.drill.reason}"
        return BackupStanding(text, state.drill.at)
    last = state.last_good.at if state.last_good else state.since
    return BackupStanding("no backup was made for long: was the hub stopped?", last)


class BackupSource:
    """Backups, as whoever makes them says."""

    def __init__(self, standing: Callable[[], BackupStanding]) -> None:
        self._standing = standing

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """Whether the last one failed, or the next one did not."""
        standing = self._standing()
        since = standing.since or around.now
        text, over = standing.problem or None, "the backup succeeded again"
        return [
            _one(rule, known, "backup", text, since=since, now=around.now, over=over)
            for rule in rules
        ]


def _one(
    rule: Rule,
    known: Mapping[int, Mapping[str, Alert]],
    subject: str,
    text: str | None,
    *,
    since: datetime,
    now: datetime,
    over: str,
) -> Findings:
    """Of a rule that is about one thing: it is so (`text`), or over."""
    found, is_open = Findings(rule), _is_open(known.get(rule.id, {}).get(subject))
    if text is not None and not is_open:
        found.begun.append(Finding(subject, _HUB, text, since))
    elif text is None and is_open:
        found.ended[subject] = FindingEnd(now, over)
    return found


def _is_open(alert: Alert | None) -> bool:
    return alert is not None and alert.ended_at is None
