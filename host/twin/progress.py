"""Whether a program gets on: by what it prints, and by the processor time it takes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Progress", "processor_ticks"]

_PROC = Path("/proc")
# proc(5), stat: utime, stime, and those of children that have ended; the fields after the name.
_TICKS = slice(11, 15)


def processor_ticks(pid: int, proc: Path = _PROC) -> int:
    """What a process and all below it have taken of processors, in ticks; 0 where none tells."""
    found, total = [pid], 0
    for one in found:
        with contextlib.suppress(OSError, ValueError):
            # The name in parentheses may have any character in it.
            fields = (proc / str(one) / "stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[_TICKS]))
            for task in (proc / str(one) / "task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return total


class Progress:
    """Of a process that writes to `log`: how long it has stood still, and its last words."""

    def __init__(
        self,
        pid: int,
        log: Path,
        *,
        proc: Path = _PROC,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pid, self._log, self._proc, self._clock = pid, log, proc, clock
        self._began = self._moved = clock()
        self._seen = (0, 0)

    @property
    def running_s(self) -> float:
        """Seconds since the first look."""
        return self._clock() - self._began

    def still_s(self) -> float:
        """Seconds for which it has neither printed anything nor taken processor time."""
        with contextlib.suppress(OSError):
            seen = (self._log.stat().st_size, processor_ticks(self._pid, self._proc))
            if seen != self._seen:
                self._seen, self._moved = seen, self._clock()
        return self._clock() - self._moved

    def last_line(self) -> str:
        """The last that it has printed; empty if nothing."""
        with contextlib.suppress(OSError):
            return (self._log.read_text(errors="replace").strip().splitlines() or [""])[-1]
        return ""
