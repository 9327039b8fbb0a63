"""Whether an emulator that says nothing still works, by its own time: it is not alone here."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["LOOK_S", "Watch"]

LOOK_S = 1.0
"""How long nothing has been heard before each look."""

# A chip asks at each millisecond of its time, which takes an emulator less than one of its own.
_BUSY_S = 20.0
# At so many looks in a row every thread of it slept: it waits for something that does not come.
_ASLEEP = 120
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Watch:
    """Over one process; `look` is for when nothing was heard, `heard` for when something was."""

    def __init__(self, pid: int, busy_s: float = _BUSY_S, asleep: int = _ASLEEP) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._busy_s, self._most_asleep = busy_s, asleep
        self._begun: float | None = None
        self._last_s = 0.0
        self._asleep = 0

    def heard(self) -> None:
        """It has said something."""
        self._begun = None

    def look(self) -> str | None:
        """What is wrong with it, None while that is not known.

        One that has no processor, or waits for a disk, is in order however long that takes.
        """
        seen = self._see()
        if seen is None:
            return None  # it has ended, which the wire tells
        used_s, sleeps = seen
        if self._begun is None:
            self._begun, self._asleep = used_s, 0
        elif sleeps and used_s == self._last_s:
            self._asleep += 1
        else:
            self._asleep = 0
        self._last_s = used_s
        if used_s - self._begun >= self._busy_s:
            return (
                f"nothing from the emulated chip in {self._busy_s:g} s of its emulator's own time: "
                "it hangs with its interrupts locked"
            )
        if self._asleep >= self._most_asleep:
            return (
                f"the chip's emulator neither runs nor says anything, {self._most_asleep} looks "
                "long: it waits for what is not sent"
            )
        return None

    def _see(self) -> tuple[float, bool] | None:
        """Seconds of processor that all its threads have had, and whether all sleep (proc(5))."""
        ticks, states = 0, set()
        try:
            for task in self._tasks.iterdir():
                state, *numbers = (task / "stat").read_text().rpartition(")")[2].split()
                ticks += int(numbers[10]) + int(numbers[11])  # utime, stime
                states.add(state)
        except OSError:
            return None
        return ticks * _TICK_S, states == {"S"}
