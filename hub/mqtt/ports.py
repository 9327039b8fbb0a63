"""TCP ports: finding a free one, and naming who holds a taken one."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

from hub.runtime.listening import bound

__all__ = ["free_port", "holder", "is_taken"]


def free_port(host: str) -> int:
    """A port that was free a moment ago."""
    with contextlib.closing(bound(host, 0)) as probe:
        return int(probe.getsockname()[1])


def is_taken(host: str, port: int) -> bool:
    """Whether another process listens on it. Raises OSError for another failure to bind."""
    try:
        bound(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise
    return False


def holder(port: int) -> str | None:
    """The process that listens on a port, as "name (pid N)", where the system tells (Linux)."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        with contextlib.suppress(OSError):
            if any(str(fd.readlink()) in inodes for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text('utf-8').strip()} (pid {process.name})"
    return None
