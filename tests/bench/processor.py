"""Processor time of processes: what a figure is on a machine that others use as well."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

__all__ = ["cpu_s", "family", "measured", "typical"]


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def cpu_s(pid: int) -> float:
    """Seconds of processor time of a process' threads that live (proc(5), schedstat)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


async def measured(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds that something takes by the clock."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def typical(work: Callable[[], Awaitable[object]], rounds: int) -> tuple[float, float]:
    """Milliseconds that something takes: by the clock (median), and of a processor (mean).

    The processor's are those of this process and all below it, Postgres too.
    """
    before = {one: cpu_s(one) for one in family(os.getpid())}
    spent = [await measured(work) for _ in range(rounds)]
    busy = sum(cpu_s(one) - before.get(one, 0) for one in family(os.getpid()))
    return statistics.median(spent) * 1000, busy / rounds * 1000
