"""Backups by themselves: made daily, taken to their target, tried weekly, told to who asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from hub.backups.errors import BackupBusyError, BackupsElsewhereError
from hub.backups.model import BackupName, BackupOutcome, BackupState, BackupTrouble
from hub.backups.plan import next_due
from hub.backups.state_file import StateFile
from hub.backups.work import BackupWork
from hub.database.postgres import Postgres
from hub.live import Live, LiveChange
from hub.runtime.log_events import EVENTS
from hub.runtime.supervisor import PartRole, Supervisor
from hub.settings import Settings
from hub.zones.local_zone import local_zone

__all__ = ["BackupService"]

log = logging.getLogger(__name__)


class BackupClock(Protocol):
    """hub.runtime.host_clock.HostClock."""

    @property
    def doubtful(self) -> bool:
        """Whether this machine's clock may be wrong."""
        ...

    def now(self) -> datetime:
        """UTC."""
        ...


class BackupService:
    """Makes one a day at BACKUP_HOUR of this machine's zone, and one that was missed soon after.

    `postgres` is None where DATABASE_URL names a server whose backups are not ours. While the clock
    is doubtful backups are made, and none goes. What comes of each is told to the handlers of
    `on_outcome`, and as LiveChange("backup", "made" | "failed" | "drill-passed" | "drill-failed")
    in the hub's own tenant.
    """

    FIRST_S = 600.0  # devices that waited for the hub come first
    LOOK_S = 300.0  # clocks are set, machines sleep: the time is looked at again
    # s: between tries that fail, the first and the longest
    RETRY_S = (900.0, 6 * 3600.0)

    def __init__(
        self,
        settings: Settings,
        postgres: Postgres | None,
        clock: BackupClock,
        live: Live | None = None,
        supervisor: Supervisor | None = None,
        *,
        first_s: float = FIRST_S,
    ) -> None:
        self._hour, self._now, self._first_s = settings.backup_hour, clock.now, first_s
        self._live, self._tenant = live, settings.tenant
        self._file = StateFile(settings.data_dir / "backups.json")
        self._handlers: list[Callable[[BackupOutcome], None]] = []
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._one = asyncio.Lock()
        self._failed = 0
        self._work = (
            None
            if postgres is None
            else BackupWork(
                settings,
                postgres,
                zone=ZoneInfo(local_zone()),
                doubtful=lambda: clock.doubtful,
            )
        )
        self.state = BackupState()
        """What is known: the last good one, why the last failed, how the drill went."""
        self.doing = ""
        """What is done just now, for people; empty when nothing is."""
        self.by_itself = self._work is not None and settings.backup_to != "none"
        """Whether backups are made daily."""
        self.elsewhere = self.by_itself and bool(settings.backup_to)
        """Whether they are taken out of the data folder."""

    @property
    def ours(self) -> bool:
        """Whether backups of the database are ours to make."""
        return self._work is not None

    @property
    def hub(self) -> str:
        """What this hub is called in the names of its backups."""
        return self._ours().hub

    @property
    def where(self) -> str:
        """Where backups are taken, for people."""
        return self._work.where if self._work else "the server that DORMOUSE_DATABASE_URL names"

    @property
    def trouble(self) -> BackupTrouble | None:
        """What is wrong now, where backups are made by themselves."""
        return self.state.trouble(self._now()) if self.by_itself else None

    @property
    def next_at(self) -> datetime | None:
        """When the next one is due; in the past: as soon as may be. None: not by itself."""
        if not self.by_itself:
            return None
        return next_due(self._last_at, self._now(), self._hour, ZoneInfo(local_zone()))

    def on_outcome(self, handler: Callable[[BackupOutcome], None]) -> None:
        """Call `handler` whenever a backup was made or tried, or that failed."""
        self._handlers.append(handler)

    async def start(self) -> None:
        """Begin. What an earlier hub left half done is removed."""
        self.state = self._file.load()
        if self._work is None:
            return
        self._work.sweep()
        if self.by_itself:
            if self.state.since is None:
                self._remember(self.state.model_copy(update={"since": self._now()}))
            self._tasks.loop("backups", self._run)

    async def stop(self) -> None:
        """End; what is under way is not there afterwards."""
        await self._tasks.stop()

    def begin(self) -> None:
        """Make one now, in the background (`state` and `doing` tell). Raises BackupBusyError."""
        self._refuse_busy()
        self.doing = "making a backup"
        self._tasks.spawn("a backup that was asked for", self.make())

    def begin_drill(self) -> None:
        """Restore the newest beside now, in the background. Raises BackupBusyError."""
        self._refuse_busy()
        self.doing = "restoring a backup beside, to compare"
        self._tasks.spawn("a drill that was asked for", self.drill())

    async def make(self) -> BackupOutcome:
        """Make one, take it to its target, try it where that is due; what came of it."""
        work = self._ours()
        async with self._one:
            try:
                self.doing = "making a backup"
                state, outcome = await work.make(self.state, self._now(), self._remember)
                self._done(state, outcome)
                self.doing = "restoring a backup beside, to compare"
                if outcome.what == "made" and work.drill_due(self.state, self._now()):
                    self._done(*await work.drill(self.state, self._now()))
            finally:
                self.doing = ""
        return outcome

    async def drill(self) -> BackupOutcome:
        """Restore the newest one at the target beside, and compare; what came of it."""
        work = self._ours()
        async with self._one:
            try:
                self.doing = "restoring a backup beside, to compare"
                state, outcome = await work.drill(self.state, self._now())
                self._done(state, outcome)
            finally:
                self.doing = ""
        return outcome

    async def seen(self) -> tuple[list[BackupName], str]:
        """What there is at the target, newest first, and why it cannot be seen."""
        there, problem = await self._ours().there()
        return sorted(there, reverse=True), problem

    def _ours(self) -> BackupWork:
        if self._work is None:
            raise BackupsElsewhereError
        return self._work

    def _refuse_busy(self) -> None:
        self._ours()
        if self.doing:
            raise BackupBusyError

    @property
    def _last_at(self) -> datetime | None:
        return self.state.last_good.at if self.state.last_good else None

    def _remember(self, state: BackupState) -> None:
        self.state = state
        try:
            self._file.save(state)
        except OSError as error:
            # It is told all the same, and written with the next.
            log.warning("what is known of backups is written later: %s", error.strerror)

    def _done(self, state: BackupState, outcome: BackupOutcome) -> None:
        self._remember(state)
        self._failed = self._failed + 1 if outcome.what == "failed" else 0
        _log(state, outcome)
        for handler in self._handlers:
            handler(outcome)
        if self._live is not None:
            self._live.publish(self._tenant, LiveChange("backup", outcome.what))

    async def _run(self) -> None:
        await asyncio.sleep(self._first_s)
        while True:
            now = self._now()
            due = next_due(self._last_at, now, self._hour, ZoneInfo(local_zone()))
            if due > now:
                await asyncio.sleep(min((due - now) / timedelta(seconds=1), self.LOOK_S))
            elif (await self.make()).what == "failed":
                first, longest = self.RETRY_S
                await asyncio.sleep(min(first * 2 ** (self._failed - 1), longest))


def _log(state: BackupState, outcome: BackupOutcome) -> None:
    good = state.last_good
    match outcome.what:
        case "made" if good is not None:
            EVENTS.backup_made.log(backup=outcome.name, rows=good.rows, bytes=good.size)
        case "failed":
            EVENTS.backup_failed.log(backup=outcome.name, reason=outcome.reason)
        case "drill-passed":
            rows = state.drill.rows if state.drill is not None else 0
            EVENTS.backup_drill_passed.log(backup=outcome.name, rows=rows)
        case "drill-failed":
            EVENTS.backup_drill_failed.log(backup=outcome.name, reason=outcome.reason)
