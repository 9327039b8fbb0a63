"""What a running hub does for its own update: takes a version, backs up, asks to be replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.resources import release
from hub.database.backup import backup
from hub.database.migrate import head
from hub.database.postgres import Postgres
from hub.database.upgrades.upgrading import FOLDER, UpgradeBackup, upgrade_backups
from hub.folder import UnusableFileError
from hub.self_update.errors import SelfUpdateRefusedError
from hub.self_update.keeper import KEPT
from hub.self_update.model import INSTALLED, UpdateOutcome, UpdatePhase, UpdateState, WantedUpdate
from hub.self_update.versions import Versions
from hub.settings import Settings

__all__ = ["ASK", "NewVersion", "RunningVersion", "SelfUpdate"]

ASK = (
    "from contracts.resources import release; from hub.database.migrate import head; "
    "import hub.cli, hub.app, hub.self_update; print('dormouse', release(), head())"
)
"""What a version's Python is asked before it is taken: that it can be imported, and what it is."""

_ANSWER = re.compile(r"dormouse ([0-9A-Za-z][0-9A-Za-z.+-]{0,39}) ([0-9]{4})")
# s: between two looks at what the keeper has written.
_LOOK_S = 0.5
_DOCTOR_S = 600.0


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that was taken: the folder's name, its release, its schema."""

    version: str
    release: str
    schema: str


@dataclass(frozen=True, slots=True)
class RunningVersion:
    """What runs: the release, the version's name (empty: the installed one), what goes on.

    `enabled` says whether hooks may update this hub at all, `why_not` why not.
    """

    release: str
    version: str
    enabled: bool
    why_not: str
    phase: UpdatePhase
    outcome: UpdateOutcome | None


class SelfUpdate:
    """The hub's own update; `postgres` is None where it is somebody else's.

    `stop` ends this hub in order.
    """

    def __init__(
        self,
        settings: Settings,
        postgres: Postgres | None,
        *,
        stop: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGINT),
    ) -> None:
        self._settings, self._postgres, self._stop = settings, postgres, stop
        self._versions = Versions(settings.data_dir)

    def running(self) -> RunningVersion:
        """What runs, and what came of the last update."""
        state, why_not = self._versions.state(), self._why_not()
        return RunningVersion(
            release(), state.running, not why_not, why_not, state.phase, state.outcome
        )

    def refuse_unfit(self) -> None:
        """Raises SelfUpdateRefusedError where no hook can update this hub."""
        why = self._why_not()
        if why:
            raise SelfUpdateRefusedError(why)

    def _why_not(self) -> str:
        if not self._settings.self_update or KEPT not in os.environ:
            return "the hub does not update itself: start it with DORMOUSE_SELF_UPDATE=true"
        if self._settings.is_worker:
            return "one of several workers does not update itself: update them one by one"
        return ""

    def understand(self, version: str, said: str) -> NewVersion:
        """What a version answered to ASK. Raises SelfUpdateRefusedError if it cannot run here."""
        found = _ANSWER.fullmatch(said.strip())
        if found is None:
            raise SelfUpdateRefusedError(f"it is no Dormouse: {said[:200] or 'it says nothing'}")
        new = NewVersion(version, found[1], found[2])
        if new.schema < head():
            raise SelfUpdateRefusedError(
                f"it has schema {new.schema}, the database {head()}: go back with "
                "`dormouse hub downgrade`"
            )
        if new.schema != head() and self._postgres is None:
            raise SelfUpdateRefusedError(
                f"it has schema {new.schema}, and the hub cannot put the Postgres of "
                "DORMOUSE_DATABASE_URL back: back that up and install this version by hand"
            )
        if new.schema != head() and not self._settings.upgrade_backups:
            raise SelfUpdateRefusedError(
                f"it has schema {new.schema}, and --upgrade-backups 0 leaves no way back"
            )
        return new

    async def take(self, tree: Path, version: str) -> None:
        """Copy a prepared tree among the versions. Raises SelfUpdateRefusedError."""
        state = self._versions.state()

        def work() -> None:
            self._versions.make()
            self._versions.tidy(*_needed(state, self._versions))
            size = sum(path.lstat().st_size for path in tree.rglob("*"))
            free = shutil.disk_usage(self._versions.path).free
            if size * 2 > free:
                raise SelfUpdateRefusedError(
                    f"it has {size >> 20} MB, and {free >> 20} MB are free: make room on that disk"
                )
            self._versions.take(tree, version)

        try:
            await asyncio.to_thread(work)
        except ValueError as error:
            raise SelfUpdateRefusedError(str(error)) from None
        except OSError as error:
            raise UnusableFileError(self._versions.path, error) from None

    def finished(self, who: str) -> UpdateOutcome | None:
        """What came of the update that `who` asked for; None while there is none."""
        outcome = self._versions.state().outcome
        return outcome if outcome and outcome.who == who and not outcome.since else None

    async def replace(self, new: NewVersion, who: str) -> UpdateOutcome:
        """Have this hub replaced, or go on with watching that; what came of it.

        A hub that is replaced ends within this: the next one, of either version, calls it anew.
        Raises SelfUpdateRefusedError, BackupError.
        """
        while True:
            outcome = self.finished(who)
            if outcome is not None:
                return outcome
            state, wanted = self._versions.state(), self._versions.wanted()
            # Ours, or another's which comes to its end first.
            busy = wanted is not None or state.phase is not UpdatePhase.SETTLED
            left = state.outcome is not None and state.outcome.who == who
            if not (busy or left):
                await self._ask(new, who)
            await asyncio.sleep(_LOOK_S)

    async def _ask(self, new: NewVersion, who: str) -> None:
        self.refuse_unfit()
        if not self._versions.is_there(new.version):
            raise SelfUpdateRefusedError(f"version {new.version} is gone: run the hook again")
        await self._back_up()
        known_bad = tuple(await self._doctor())
        wanted = WantedUpdate(new.version, new.release, who, head(), known_bad)
        await asyncio.to_thread(self._versions.want, wanted)
        self._stop()

    async def _back_up(self) -> None:
        """As before an upgrade, by the version that runs now."""
        if self._postgres is None or not self._settings.upgrade_backups:
            return
        folder = self._settings.data_dir / FOLDER
        await asyncio.to_thread(folder.mkdir, mode=0o700, exist_ok=True)
        await backup(self._postgres, UpgradeBackup.new(folder, head()).file)
        # The start of the new version makes one too, where its schema differs.
        for one in upgrade_backups(folder)[max(self._settings.upgrade_backups, 2) :]:
            one.file.unlink()

    async def _doctor(self) -> list[str]:
        """What it finds wrong now, so that it is not held against the new version."""
        said = ""
        try:
            async with asyncio.timeout(_DOCTOR_S):
                while True:
                    found, said = await self._examined()
                    if found is not None:
                        return found
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise SelfUpdateRefusedError(
                f"`dormouse hub doctor` does not come to an end: {said}"
            ) from None

    async def _examined(self) -> tuple[list[str] | None, str]:
        """What the doctor finds bad; None, and why, where it cannot say: a busy hub is late."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "host", "hub", "doctor", "--json",
            "--data-dir", str(self._settings.data_dir), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            output, errors = await process.communicate()
            bad = [one["what"] for one in json.loads(output) if one["verdict"] == "bad"]
        except (ValueError, KeyError, TypeError, RecursionError):
            lines = errors.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
            return None, lines[-1][:300]
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return bad, ""


def _needed(state: UpdateState, versions: Versions) -> set[str]:
    """Versions that run, are tried, or may be gone back to."""
    wanted = versions.wanted()
    found = {state.running, state.previous, wanted.version if wanted else INSTALLED}
    return found - {INSTALLED}
