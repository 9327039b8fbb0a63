"""What a rehearsal has measured: a row for each run of the chip, and the limits that hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from host.chip import heap
from host.chip.heap import Heap
from host.chip.machine import Run
from host.linked.elf import LinkedFile

__all__ = ["LIMITS", "Station", "WakeBudget", "over"]


@dataclass(frozen=True, slots=True)
class Station:
    """A run with a name; `heap` is at its end, None where no MicroPython ran."""

    name: str
    run: Run
    heap: Heap | None

    @classmethod
    def of(cls, name: str, run: Run, linked: LinkedFile) -> Station:
        """The station that a run of this firmware was."""
        return cls(name, run, heap.read(run.memory, linked) if run.memory else None)

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        run = self.run
        free = f"{self.heap.free:,} of {self.heap.size:,}" if self.heap else ""
        return (
            self.name,
            run.ended.name.lower().replace("_", " "),
            f"{run.instructions / 1e6:.2f}",
            f"{run.flash_reads:,}",
            f"{run.flash_writes:,}",
            f"{run.stack:,}",
            free,
            f"{run.us / 1000:,.0f}",
        )


@dataclass(frozen=True, slots=True)
class WakeBudget:
    """Of a normal wake: the network answers at once, joining takes no time."""

    heap_free: int = 18 << 10
    stack: int = 6 << 10
    instructions: int = 8_000_000
    flash_writes: int = 0
    flash_reads: int = 200


LIMITS = WakeBudget()


def over(wake: Station, limits: WakeBudget = LIMITS) -> Iterator[str]:
    """What a wake has too much of, a phrase each; nothing for a good one."""
    run = wake.run
    for name, value, most in (
        ("instructions", run.instructions, limits.instructions),
        ("flash reads", run.flash_reads, limits.flash_reads),
        ("flash writes", run.flash_writes, limits.flash_writes),
        ("bytes of stack", run.stack, limits.stack),
    ):
        if value > most:
            yield f"{value:,} {name}, {most:,} at most"
    if wake.heap is None or wake.heap.free < limits.heap_free:
        free = wake.heap.free if wake.heap else 0
        yield f"{free:,} bytes of heap free, {limits.heap_free:,} at least"
