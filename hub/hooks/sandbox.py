"""Where a step's commands run: as nobody in particular, in a folder of their own, with limits.

By programs of util-linux (setpriv, prlimit, unshare): as another user where the hub is root, else
as the hub's; in process namespaces of their own where the machine has them, so that nothing
outlives its step; with an environment that has nothing of the hub's.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.hooks.errors import StepFailedError
from hub.hooks.model import SandboxLimits
from hub.runtime.child import lines_of

__all__ = ["CommandResult", "Sandbox", "sandbox_user"]

TAIL = 30
"""Lines of a command's output that are kept."""

_LONGEST = 300
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# s: between asking a step to end and ending it.
_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command came to; `status` negative: the signal that ended it. `tail`: last lines."""

    status: int
    lines: Sequence[str]
    late: bool = False

    @property
    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self.lines)

    @property
    def last(self) -> str:
        """The last line that says something."""
        return next((line for line in reversed(self.lines) if line.strip()), "")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A scratch folder, and whom git in it runs as (None: as the hub, and so do commands).

    `number` is the user number of its own that commands run as: so no run's commands can read the
    key that another's git is given, nor what another makes.
    """

    folder: Path
    user: pwd.struct_passwd | None
    limits: SandboxLimits = field(default_factory=SandboxLimits)
    number: int = 0

    def make(self) -> None:
        """The folder, empty and closed to others but its user."""
        self.remove()
        self.folder.mkdir(parents=True, mode=0o711)
        for name in ("home", "tmp", "work"):
            (self.folder / name).mkdir(mode=0o700)
            self.give(self.folder / name)

    def remove(self) -> None:
        """Remove it, whatever the modes in it are."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            subprocess.run(["rm", "-rf", "--", self.folder], check=False, capture_output=True)

    def give(self, path: Path) -> None:
        """Let its user have a file of ours."""
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def hand_over(self) -> None:
        """Let its commands' user have all that is in it."""
        if self.user is not None and self.number:
            owner = f"{self.number}:{self.number}"
            folders = [self.folder / name for name in ("home", "tmp", "work")]
            subprocess.run(["chown", "-R", "-h", owner, *folders], check=False, capture_output=True)

    @property
    def work(self) -> Path:
        """The checkout."""
        return self.folder / "work"

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """All that a command finds set."""
        user = self.user.pw_name if self.user else pwd.getpwuid(os.geteuid()).pw_name
        return {
            "PATH": _PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "USER": user, "LOGNAME": user,
            "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp"),
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "CI": "1", **(more or {}),
        }  # fmt: skip

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        fsize_mb: int | None = None,
        network: bool | None = None,
        own: bool = False,
        keep: int = TAIL,
        seen: Callable[[str], None] = lambda _: None,
    ) -> CommandResult:
        """Run a command to its end, or until its time is up; all that it started ends with it.

        `seen` is told each line. `own`: as the user number of its own. `network` None: as the
        limits say. Raises StepFailedError where the machine cannot keep it from the network.
        """
        reach = self.limits.network if network is None else network
        # Both die with the hub: what another user runs hears of it by unshare's end.
        wrapped = ["setpriv", "--pdeathsig=KILL", *self._wrapper(reach, fsize_mb, own), *argv]
        lines: deque[str] = deque(maxlen=keep)
        try:
            process = await asyncio.create_subprocess_exec(
                *wrapped, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, cwd=cwd or self.work, env=self.environment(env),
                start_new_session=True, umask=0o077,
            )  # fmt: skip
        except OSError as error:
            raise StepFailedError(f"cannot be run: {error.strerror}") from None
        late = False
        try:
            async with asyncio.timeout(timeout_s):
                assert process.stdout is not None  # noqa: S101  # asked for above
                async for line in lines_of(process.stdout):
                    lines.append(_plain(line))
                    seen(lines[-1])
                await process.wait()
        except TimeoutError:
            late = True
        finally:
            await _end(process)
        return CommandResult(process.returncode or 0, tuple(lines), late)

    def _wrapper(self, network: bool, fsize_mb: int | None, own: bool) -> list[str]:
        limits, root = self.limits, os.geteuid() == 0
        size = fsize_mb or limits.file_mb
        processes = limits.processes + (0 if self.user else _own_tasks())
        argv: list[str] = []
        options = _namespaces(root)
        if not network:
            if not options or not _may_unshare(root, "--net"):
                raise StepFailedError(
                    "this machine cannot keep a command from the network (unshare --net): allow "
                    "the hook its network, or user namespaces"
                )
            options = [*options, "--net"]
        if options:
            argv += ["unshare", *options, "--"]
        if self.user is not None:
            user, group = self.user.pw_uid, self.user.pw_gid
            if own and self.number:
                user = group = self.number
            argv += [
                "setpriv", f"--reuid={user}", f"--regid={group}",
                "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
            ]  # fmt: skip
        else:
            argv += ["setpriv"]
        argv += ["--no-new-privs", "--pdeathsig=KILL", "--"]
        return [
            *argv, "prlimit", f"--cpu={limits.cpu_s}", f"--as={limits.memory_mb << 20}",
            f"--nproc={processes}", f"--fsize={size << 20}", "--core=0", "--nofile=4096", "--",
        ]  # fmt: skip


def sandbox_user(name: str, run_as: str) -> pwd.struct_passwd | None:
    """Whom steps run as: None unless we are root. Raises StepFailedError."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise StepFailedError(
            f"DORMOUSE_HOOK_AS={name}: no such user on this machine (adduser --system {name})"
        ) from None
    if user.pw_uid == 0 or name == run_as:
        raise StepFailedError(
            f"DORMOUSE_HOOK_AS={name}: name a user that is neither root nor the one that Postgres "
            "runs as"
        )
    return user


def _plain(line: str) -> str:
    """A line of output as text: no control characters, no colours."""
    plain = "".join(c if c.isprintable() or c == "\t" else "" for c in line)
    return plain[:_LONGEST]


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command with all that it started."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        if process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE_S)
    await process.wait()


@functools.cache
def _namespaces(root: bool) -> list[str]:
    """Options of unshare by which nothing outlives its command; none where that is not possible."""
    for options in (
        ["--pid", "--fork", "--kill-child=KILL", "--mount-proc"],
        ["--pid", "--fork", "--kill-child=KILL"],
    ):
        all_of = options if root else ["--user", "--map-current-user", *options]
        if _works(all_of):
            return all_of
    return []


@functools.cache
def _may_unshare(root: bool, option: str) -> bool:
    return _works([*_namespaces(root), option])


def _works(options: Sequence[str]) -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(  # options of ours
        ["unshare", *options, "--", "true"],
        check=False, capture_output=True, timeout=20,
    )  # fmt: skip
    return tried.returncode == 0


def _own_tasks() -> int:
    """Threads that our user has already: the limit of processes counts them too."""
    uid, found = os.geteuid(), 0
    if uid == 0:
        return 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and entry.stat().st_uid == uid:
                found += len(list(Path(f"/proc/{entry.name}/task").iterdir()))
    return found
