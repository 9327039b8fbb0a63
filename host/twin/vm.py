"""The machine that a virtual device's firmware runs on: MicroPython's unix port, or CPython.

What the firmware finds and leaves there is the contract with `host/twin/shims`: `flash/` is the
working folder, `rtc.bin` the RTC memory, `sleep` the microseconds of a deep sleep.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from host.firmware import HEAP
from host.twin.errors import NoVirtualMachineError

__all__ = [
    "ASLEEP", "RESET", "Cause", "Machine", "MachineChoice", "cut", "end", "guarded", "here", "note",
    "require", "spawn",
]  # fmt: skip

ASLEEP = 75
"""Exit status of a VM that went to deep sleep."""

RESET = 76
"""Exit status of a VM that reset itself."""


class Machine(StrEnum):
    """What runs the firmware's modules."""

    MICROPYTHON = "micropython"
    """MicroPython's unix port: the device's compiler, its heap, its numbers."""

    CPYTHON = "cpython"
    """This Python, where there is no MicroPython: the same modules, a heap without end."""


class MachineChoice(StrEnum):
    """One of them, or MicroPython where it is there."""

    AUTO = "auto"
    MICROPYTHON = "micropython"
    CPYTHON = "cpython"


class Cause(IntEnum):
    """Why the chip started, as `machine.reset_cause()` gives it."""

    POWER = 0
    WATCHDOG = 1
    SOFT = 4
    DEEPSLEEP = 5
    HARD = 6


# The package's own command imports a whole Python first: 30-40 ms instead of 15.
_START = (
    "import sys; sys.path.append({0!r}); from micropython_run import run_main; "
    "sys.exit(run_main(['micropython'] + sys.argv[1:]))"
)


_CPYTHON = Path(__file__).resolve().parent / "cpython" / "run.py"


# Who ended before the signal was asked for sends none.
_IF_STILL_OURS = '[ "$PPID" = "$1" ] && shift && exec "$@"'


def guarded(*arguments: str, end: str = "KILL") -> tuple[str, ...]:
    """A command line that is ended with us, by a signal of that name, however we end."""
    guard = shutil.which("setpriv") if sys.platform == "linux" else None
    if guard is None:
        return arguments
    still = ("sh", "-c", _IF_STILL_OURS, "sh", str(os.getpid()))
    return (guard, "--pdeathsig", end, *still, *arguments)


@cache
def _program() -> tuple[str, ...]:
    """The command line up to MicroPython's own arguments; raises NoVirtualMachineError."""
    spec = find_spec("micropython_run")
    if spec is None or spec.origin is None:
        raise NoVirtualMachineError
    start = _START.format(str(Path(spec.origin).parent))
    return (sys.executable, "-I", "-S", "-c", start, "-X", f"heapsize={HEAP}")


def _command(machine: Machine) -> tuple[str, ...]:
    """The command line up to what is to be run. Raises NoVirtualMachineError."""
    if machine is Machine.CPYTHON:
        return guarded(sys.executable, "-I", "-S", str(_CPYTHON))
    return guarded(*_program())


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a child if it still runs, and return when it has ended.

    Not by its own kill(): that one polls, may so reap the child before asyncio does, and its exit
    status is lost with a warning.
    """
    cut(process)
    await process.wait()


def cut(process: asyncio.subprocess.Process) -> None:
    """Kill a child if it still runs."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def require(machine: Machine = Machine.MICROPYTHON) -> None:
    """Raise NoVirtualMachineError when virtual devices cannot run so on this machine."""
    _command(machine)


def here(choice: MachineChoice = MachineChoice.AUTO) -> Machine:
    """What is chosen; MicroPython where it is there, else CPython. Raises NoVirtualMachineError."""
    if choice is not MachineChoice.AUTO:
        machine = Machine(choice)
        require(machine)
        return machine
    try:
        require()
    except NoVirtualMachineError:
        return Machine.CPYTHON
    return Machine.MICROPYTHON


def note(machine: Machine) -> str:
    """What a person is to know about it, in one line; empty where there is nothing to say."""
    if machine is Machine.MICROPYTHON:
        return ""
    return (
        "the virtual devices run the firmware's own modules in Python instead of MicroPython: "
        "what they measure and send is the same, memory and speed are not a device's"
    )


async def spawn(
    flash: Path,
    search_path: str,
    variables: Mapping[str, str],
    console: IO[bytes],
    typed: str | None = None,
    *,
    machine: Machine = Machine.MICROPYTHON,
) -> asyncio.subprocess.Process:
    """Start a VM in the folder `flash` with the modules that lie on `search_path`.

    It runs the module `main`, or what was `typed` at its prompt. `variables` are the VM's TWIN_*
    environment; everything it prints goes to `console`. It has a process group of its own, so that
    Ctrl-C in a terminal reaches the supervisor alone.
    """
    program = ("-m", "main") if typed is None else ("-c", typed)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "MICROPYPATH": search_path,
        **variables,
    }
    return await asyncio.create_subprocess_exec(
        *_command(machine),
        *program,
        cwd=flash,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=console,
        stderr=console,
        process_group=0,
    )
