"""`python -m hub.self_update.keeper`: runs the hub, switches versions, goes back by itself.

It is what `dormouse hub` becomes with DORMOUSE_SELF_UPDATE. Standard library alone: it stays small,
and it is of the version that was installed on the machine, which no update changes. Whatever kills
it, its next start reads from the folder where things stand and goes on there.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from contracts.resources import release
from hub.self_update.health import HubHealth
from hub.self_update.model import INSTALLED, UpdatePhase, UpdateState
from hub.self_update.versions import Versions

__all__ = ["KEPT", "KeeperPlan", "VersionKeeper", "become"]

KEPT = "DORMOUSE_KEPT"
"""In the environment of a hub that a keeper runs."""

_IN_USE = 4  # exit status: as a second hub on a folder has it
# s: steps of a migration on millions of rows, with a backup that is restored before them.
_START_S = 3600.0
# s: as systemd's TimeoutStopSec of the unit.
_STOP_S = 30.0
_LOOK_S = 0.5
# Starts of a version within its trial: a machine that loses its power is not its fault.
_STARTS = 3
_COMMAND_S = 3600.0


@dataclass(frozen=True, slots=True)
class KeeperPlan:
    """On which folder, how long a new version is watched (s), the arguments of `dormouse`."""

    data_dir: Path
    watch_s: float
    arguments: Sequence[str]


def become(plan: KeeperPlan) -> None:
    """Turn this process into a keeper; does not return."""
    words = [str(plan.data_dir), str(plan.watch_s), *plan.arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(  # noqa: S606  # the same program, under this process id
        sys.executable, [sys.executable, "-P", "-m", "hub.self_update.keeper", *words]
    )  # fmt: skip


class VersionKeeper:
    """Runs one hub after the other, as the state says."""

    def __init__(self, plan: KeeperPlan, versions: Versions, *, installed: str) -> None:
        self._plan, self._versions, self._installed = plan, versions, installed
        self._stopping = False
        self._hub: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Until the hub ends for good; its exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked_to_stop)
        while True:
            state = self._next(self._versions.state())
            status = self._watched(state)
            if self._is_stopping() or status is not None:
                return status or 0

    def _is_stopping(self) -> bool:
        return self._stopping

    def _asked_to_stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True
        if self._hub is not None and self._hub.poll() is None:
            self._hub.send_signal(signal.SIGINT)

    # --- which version ----------------------------------------------------------------------

    def _next(self, state: UpdateState) -> UpdateState:
        """What is to run now, after what was left undone."""
        if state.phase is UpdatePhase.REVERTING:
            return self._go_back(state)
        wanted = self._versions.wanted()
        if wanted is not None and state.phase is UpdatePhase.SETTLED:
            if self._versions.is_there(wanted.version):
                state = state.tried(wanted, self._installed)
                self._keep(state, f"switching to {wanted.release} ({wanted.version})")
            self._versions.unwant()
        if state.phase is UpdatePhase.TRIAL:
            # What was asked for twice, by a hub that was killed at it, is being tried.
            self._versions.unwant()
            if state.starts >= _STARTS:
                return self._go_back(self._reverting(state, f"was begun {_STARTS} times"))
            state = replace(state, starts=state.starts + 1)
            self._keep(state)
        elif state.running != INSTALLED and state.installed != self._installed:
            state = replace(state, running=INSTALLED, installed=self._installed)
            self._keep(state, f"{self._installed} was installed by hand: it runs")
        elif not self._versions.is_there(state.running):
            gone, state = state.running, replace(state, running=INSTALLED)
            self._keep(state, f"version {gone} is gone: the installed one runs")
        return state

    def _reverting(self, state: UpdateState, why: str) -> UpdateState:
        state = state.reverting(why)
        self._keep(state, f"{state.running} {why}: going back")
        return state

    def _go_back(self, state: UpdateState) -> UpdateState:
        """The database of before, where the new version has migrated it; then the code."""
        wanted = state.wanted
        assert wanted is not None  # noqa: S101  # a trial has it
        if not self._versions.is_there(state.previous):
            state = state.stranded("the version of before is gone")
            self._keep(state, state.outcome.reason if state.outcome else "")
            return state
        words = ["hub", "downgrade", "--schema", wanted.schema, "--json"]
        done = self._command(state.previous, *words)
        if done is None or done.returncode:
            said = _last(done.stderr if done else "") or "`dormouse hub downgrade` failed"
            state = state.stranded(f"the database of before cannot be put back: {said}")
            self._keep(state, state.outcome.reason if state.outcome else "")
            return state
        found = json.loads(done.stdout.splitlines()[-1])
        since = {tenant: str(file) for tenant, (file, rows) in found["since"].items() if rows}
        state = state.reverted(since, found["former"])
        self._keep(state, "the version of before runs again")
        return state

    # --- one hub ----------------------------------------------------------------------------

    def _watched(self, state: UpdateState) -> int | None:
        """Run a version; its exit status, None where another is to run."""
        if self._is_stopping():
            return 0
        self._hub = self._start(state.running)
        if self._is_stopping():  # asked in between
            self._hub.send_signal(signal.SIGINT)
        health = HubHealth(
            self._plan.data_dir, self._hub.pid, lambda: self._doctor(state.running),
            known_bad=state.wanted.known_bad if state.wanted else (), watch_s=self._plan.watch_s,
            start_s=_START_S,
        )  # fmt: skip
        while self._hub.poll() is None:
            state = self._looked_at(state, health)
            if state.phase is UpdatePhase.REVERTING:
                self._end()
                return None
            _ended_within(self._hub, _LOOK_S)
        status = self._hub.returncode
        if self._is_stopping():
            return _exit_status(status)
        if state.phase is UpdatePhase.TRIAL:
            self._reverting(state, f"ended with status {_exit_status(status)} while it was watched")
            return None
        if self._versions.wanted() is not None:
            return None
        return _exit_status(status)

    def _looked_at(self, state: UpdateState, health: HubHealth) -> UpdateState:
        """Where things stand while it runs."""
        if self._is_stopping():
            return state
        if state.phase is UpdatePhase.TRIAL:
            return self._judged(state, health)
        if state.outcome and state.outcome.since and health.is_ready():
            return self._brought_over(state)
        return state

    def _judged(self, state: UpdateState, health: HubHealth) -> UpdateState:
        why = health.complaint()
        if why:
            return self._reverting(state, why)
        if not health.is_proven():
            return state
        state = state.settled()
        self._keep(state, f"{state.running} is healthy: it stays")
        self._versions.tidy(state.running, state.previous)
        return state

    def _brought_over(self, state: UpdateState) -> UpdateState:
        """Readings of the time between, into the database that was put back."""
        outcome = state.outcome
        assert outcome is not None  # noqa: S101  # asked before
        left, said = {}, []
        for tenant, file in outcome.since.items():
            words = ["hub", "import", file, "--tenant", tenant, "--yes"]
            done = self._command(state.running, *words)
            if done is None or done.returncode:
                left[tenant] = file
                said.append(f"readings of {tenant} are in {file}: `dormouse {' '.join(words)}`")
            else:
                said.append(f"readings of {tenant} that came meanwhile are there again")
        kept = "; ".join([*said, f"the database with them is kept as {outcome.kept}"])
        state = replace(state, outcome=replace(outcome, since={}, kept=kept))
        self._keep(state, kept)
        return state

    def _start(self, version: str) -> subprocess.Popen[bytes]:
        words = [*self._program(version), *self._plan.arguments]
        # It ends with its keeper, whatever ends that one.
        if shutil.which("setpriv"):
            words = ["setpriv", "--pdeathsig=KILL", "--", *words]
        return subprocess.Popen(words, env={**self._environment(version), KEPT: "1"})

    def _end(self) -> None:
        assert self._hub is not None  # noqa: S101  # it was started
        self._hub.send_signal(signal.SIGINT)
        try:
            self._hub.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._hub.kill()
            self._hub.wait()

    def _doctor(self, version: str) -> list[str] | None:
        done = self._command(version, "hub", "doctor", "--json", limit_s=120)
        try:
            found = json.loads(done.stdout) if done else None
            return None if found is None else [
                one["what"] for one in found if one["verdict"] == "bad"
            ]  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def _command(
        self, version: str, *words: str, limit_s: float = _COMMAND_S
    ) -> subprocess.CompletedProcess[str] | None:
        """A command of a version on the folder; None where it cannot be run."""
        argv = [*self._program(version), *words, "--data-dir", str(self._plan.data_dir)]
        try:
            return subprocess.run(
                argv, env=self._environment(version), capture_output=True, text=True,
                timeout=limit_s, check=False, start_new_session=True,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None

    def _program(self, version: str) -> list[str]:
        of = sys.executable if version == INSTALLED else str(self._versions.python(version))
        return [of, "-P", "-m", "host"]

    def _environment(self, version: str) -> Mapping[str, str]:
        """Ours; a version's modules are its own."""
        if version == INSTALLED:
            return os.environ
        kept = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
        # What it starts itself (`python -m`) is not to come from the folder that we stand in.
        return {**kept, "PYTHONSAFEPATH": "1"}

    def _keep(self, state: UpdateState, said: str = "") -> None:
        self._versions.keep(state)
        if said:
            print(f"self-update: {said}", file=sys.stderr, flush=True)


def _ended_within(process: subprocess.Popen[bytes], limit_s: float) -> None:
    """Wait without asking again and again, as Popen.wait does."""
    with contextlib.suppress(OSError):  # it has ended, or the kernel is older than 5.3
        descriptor = os.pidfd_open(process.pid)
        try:
            select.select([descriptor], [], [], limit_s)
        finally:
            os.close(descriptor)
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(limit_s)


def _exit_status(status: int) -> int:
    return 128 - status if status < 0 else status


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def main(arguments: Sequence[str]) -> int:
    """Keep a hub until it ends."""
    data_dir, watch_s, *words = arguments
    plan = KeeperPlan(Path(data_dir), float(watch_s), words)
    versions = Versions(plan.data_dir)
    versions.make()
    with versions.held() as ours:
        if not ours:
            print(f"{data_dir}: another hub keeps this folder; end it first", file=sys.stderr)
            return _IN_USE
        return VersionKeeper(plan, versions, installed=release()).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
