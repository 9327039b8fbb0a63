"""A postmaster that a killed hub left on our data: found, and ended with its backends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path

from hub.database.errors import PostgresFailedError

__all__ = ["end_orphan", "until_left", "working_in"]

log = logging.getLogger(__name__)


async def end_orphan(data: Path, patience: float) -> None:
    """End it, if there is one; raises PostgresFailedError after `patience` seconds."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text("ascii").splitlines()[0])
    except OSError:
        return
    except (ValueError, IndexError):
        # Cut off as the power went. Postgres would not start beside it; where there is no /proc
        # nobody can say that none runs.
        if _is_left(data):
            log.warning("%s is damaged, and nobody runs there: removed", pid_file)
            pid_file.unlink(missing_ok=True)
        return
    if not _is_ours(pid, data):
        if _exists(pid) and not working_in(data):
            # After a power cut the number is somebody else's: Postgres would refuse to start.
            # A dead number it judges itself, looking for backends that are still there.
            pid_file.unlink(missing_ok=True)
        return
    log.warning("ending the Postgres (pid %d) that an earlier hub left", pid)
    os.kill(pid, signal.SIGINT)
    deadline = asyncio.get_running_loop().time() + patience
    while _is_ours(pid, data):
        if asyncio.get_running_loop().time() > deadline:
            raise PostgresFailedError(f"another one (pid {pid}) holds {data}")
        await asyncio.sleep(0.02)


async def until_left(data: Path, patience: float) -> None:
    """Until the backends of a postmaster that was killed have ended too, or `patience` is over.

    A new one would refuse to start beside them.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while working_in(data) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  # not our children
        await asyncio.sleep(0.02)


def _is_left(data: Path) -> bool:
    return Path("/proc/self/cwd").exists() and not working_in(data)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_ours(pid: int, data: Path) -> bool:
    """Whether that process is a postmaster on this data folder (its working folder is)."""
    if not Path("/proc/self/cwd").exists():
        return _exists(pid)  # macOS: believe the file
    return pid in working_in(data)


def working_in(folder: Path) -> set[int]:
    """The processes whose working folder that is: a postmaster and its backends."""
    pids = set()
    for proc in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (proc / "cwd").readlink() == folder.resolve():
                pids.add(int(proc.name))
    return pids
