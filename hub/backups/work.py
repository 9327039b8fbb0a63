"""One backup: made here, encrypted, taken to its target, what has had its time removed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo

from hub.backups.configured import age_key, hub_name, target_of
from hub.backups.errors import TargetError
from hub.backups.model import (
    BackupName,
    BackupOutcome,
    BackupState,
    DrillResult,
    Failure,
    GoodBackup,
)
from hub.backups.plan import drill_due, superfluous
from hub.backups.target import BackupTarget, names_in, sweep
from hub.database.backup import backup, verify
from hub.database.errors import DatabaseError
from hub.database.kept_files import sync_folder
from hub.database.postgres import Postgres
from hub.settings import Settings

__all__ = ["BackupWork"]

log = logging.getLogger(__name__)


class BackupWork:
    """What is done about one backup, from a state to the next one.

    Each is made in `backups` of the data folder first, and taken to the target from there; those
    that could not be taken wait there. Nothing goes before a newer good one is at the target.
    """

    def __init__(
        self, settings: Settings, postgres: Postgres, *, zone: tzinfo, doubtful: Callable[[], bool]
    ) -> None:
        self._settings, self._postgres = settings, postgres
        self._zone, self._doubtful = zone, doubtful
        self._folder = settings.data_dir / "backups"

    @property
    def where(self) -> str:
        """Where backups are taken."""
        target = target_of(self._settings, "", "")
        return str(self._folder) if target is None else target.where

    @property
    def hub(self) -> str:
        """What this hub is called in the names of its backups."""
        return hub_name(self._postgres.backup_key)

    def sweep(self) -> None:
        """Remove what was left half written here."""
        if self._folder.is_dir():
            sweep(self._folder, self.hub)

    def here(self) -> list[BackupName]:
        """This hub's in the data folder."""
        return [one for one in names_in(self._folder) if one.hub == self.hub]

    async def there(self) -> tuple[list[BackupName], str]:
        """All at the target, and why they cannot be seen."""
        target = target_of(self._settings, self.hub, "")
        if target is None:
            return names_in(self._folder), ""
        try:
            return await target.names(), ""
        except TargetError as error:
            return [], str(error)

    def drill_due(self, state: BackupState, now: datetime) -> bool:
        """Whether one is to be restored beside."""
        drill = state.drill
        return drill is None or drill_due(drill.at, now, passed=drill.passed)

    async def make(
        self, state: BackupState, now: datetime, remember: Callable[[BackupState], None]
    ) -> tuple[BackupState, BackupOutcome]:
        """A new one, at its target. A number is remembered before it is used."""
        name = ""
        try:
            with _told():
                await asyncio.to_thread(self._prepare)
                target = target_of(self._settings, self.hub, state.target)
                last = await self._last_number(state, target)
                encrypted = self._settings.backup_encrypt
                new = BackupName.next(self.hub, last, now, encrypted=encrypted)
                name = str(new)
                state = state.model_copy(
                    update={"number": new.number, "waiting": [*state.waiting, name]}
                )
                remember(state)
                rows = await self._write(new)
                size = (self._folder / name).stat().st_size
                state, refused = await self._take(state, target)
                if refused is not None:
                    raise refused
                await self._remove_old(state, new, target)
        except (TargetError, DatabaseError) as error:
            return _failed(state, now, str(error)), BackupOutcome("failed", now, name, str(error))
        good = GoodBackup(name=name, at=now, size=size, rows=rows)
        update = {"last_good": good, "failure": None, "target": self.where}
        return state.model_copy(update=update), BackupOutcome("made", now, name)

    async def drill(self, state: BackupState, now: datetime) -> tuple[BackupState, BackupOutcome]:
        """Bring the newest back from the target, open it, restore it to a scratch database."""
        name, reason, rows = "", "", 0
        fetched, plain = (self._folder / f".drill-{n}.partial" for n in ("fetched", "plain"))
        try:
            with _told():
                await asyncio.to_thread(self._prepare)
                target = target_of(self._settings, self.hub, state.target)
                names = await target.names() if target else self.here()
                newest = self._newest(names)
                name, file = str(newest), self._folder / str(newest)
                if target is not None:
                    await target.fetch(newest, fetched)
                    file = fetched
                if newest.encrypted:
                    await asyncio.to_thread(age_key(self._settings).decrypt, file, plain)
                    file = plain
                contents = await verify(self._postgres, file)
                rows = sum(count for count, _ in contents.values())
        except (TargetError, DatabaseError) as error:
            reason = str(error)
        finally:
            for path in (fetched, plain):
                path.unlink(missing_ok=True)
        drill = DrillResult(name=name, at=now, passed=not reason, reason=reason, rows=rows)
        what = "drill-failed" if reason else "drill-passed"
        return state.model_copy(update={"drill": drill}), BackupOutcome(what, now, name, reason)

    def _newest(self, names: Sequence[BackupName]) -> BackupName:
        newest = max((one for one in names if one.hub == self.hub), default=None)
        if newest is None:
            raise TargetError(f"{self.where}: there is no backup of this hub's")
        return newest

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.sweep()
        if self._settings.backup_encrypt:
            age_key(self._settings).ensure()

    async def _last_number(self, state: BackupState, target: BackupTarget | None) -> int:
        """The last number that any of this hub's has, here and there."""
        found = self.here()
        if target is not None:
            # Where it is away the remembered number does.
            with contextlib.suppress(TargetError):
                found += await target.names()
        return max([state.number, *(one.number for one in found if one.hub == self.hub)])

    async def _write(self, name: BackupName) -> int:
        """The file in the data folder, whole; how many rows."""
        file = self._folder / str(name)
        if not name.encrypted:
            contents = await backup(self._postgres, file, tried=False)
            return sum(rows for rows, _ in contents.values())
        plain = self._folder / f".{name}.plain.partial"
        sealed = self._folder / f".{name}.partial"
        try:
            contents = await backup(self._postgres, plain, tried=False)
            await asyncio.to_thread(age_key(self._settings).encrypt, plain, sealed)
            sealed.replace(file)
            sync_folder(self._folder)
        finally:
            for path in (plain, sealed):
                path.unlink(missing_ok=True)
        return sum(rows for rows, _ in contents.values())

    async def _take(
        self, state: BackupState, target: BackupTarget | None
    ) -> tuple[BackupState, TargetError | None]:
        """Take all that wait there, oldest first; those that still wait, and why."""
        if target is None:
            return state.model_copy(update={"waiting": []}), None
        here = {str(one): one for one in self.here()}
        waiting = sorted(here[name] for name in state.waiting if name in here)
        failed = None
        while waiting and failed is None:
            try:
                await target.put(self._folder / str(waiting[0]), waiting[0])
                waiting.pop(0)
            except TargetError as error:
                failed = error
        if waiting:
            # Of those that wait no more than of those that are kept.
            for old in self._superfluous(waiting, waiting[-1]):
                self._unlink(old)
                waiting.remove(old)
        return state.model_copy(update={"waiting": [str(one) for one in waiting]}), failed

    async def _remove_old(
        self, state: BackupState, new: BackupName, target: BackupTarget | None
    ) -> None:
        """What has had its time, now that `new` is good. A clock that may be wrong removes none."""
        if self._doubtful():
            return
        tried = [state.drill.name] if state.drill is not None and state.drill.passed else []
        if target is None:
            for old in self._superfluous(self.here(), new, tried):
                self._unlink(old)
            return
        try:
            await target.remove(self._superfluous(await target.names(), new, tried))
        except TargetError as error:
            log.warning("backups that have had their time are removed later: %s", error)
        for old in self.here():
            if old.number < new.number and str(old) not in state.waiting:
                self._unlink(old)

    def _superfluous(
        self, names: Sequence[BackupName], new: BackupName, keep: Sequence[str] = ()
    ) -> list[BackupName]:
        return superfluous(
            names,
            new,
            daily=self._settings.backup_daily,
            weekly=self._settings.backup_weekly,
            zone=self._zone,
            keep=keep,
        )

    def _unlink(self, name: BackupName) -> None:
        (self._folder / str(name)).unlink(missing_ok=True)


def _failed(state: BackupState, now: datetime, reason: str) -> BackupState:
    before = state.failure
    failure = Failure(
        since=before.since if before else now,
        at=now,
        times=before.times + 1 if before else 1,
        reason=reason,
    )
    return state.model_copy(update={"failure": failure})


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What the data folder's disk refuses, as a TargetError of one line."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        what = "the disk is full: make room there" if full else error.strerror or str(error)
        raise TargetError(f"{error.filename or 'the data folder'}: {what}") from None
