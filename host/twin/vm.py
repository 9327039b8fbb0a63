"""The machine that a virtual device's firmware runs on: MicroPython's unix port.

What the firmware finds and leaves there is the contract with `host/twin/shims`: `flash/` is the
working folder, `rtc.bin` the RTC memory, `sleep` the microseconds of a deep sleep.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from host.twin.errors import NoVirtualMachineError

__all__ = ["ASLEEP", "HEAP", "RESET", "Cause", "command", "require", "spawn"]

ASLEEP = 75
"""Exit status of a VM that went to deep sleep."""

RESET = 76
"""Exit status of a VM that reset itself."""

HEAP = "38wK"
"""The ESP8266's 38 KiB of heap, scaled to words of this machine."""


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


@cache
def _program() -> tuple[str, ...]:
    """The command line up to MicroPython's own arguments; raises NoVirtualMachineError."""
    spec = find_spec("micropython_run")
    if spec is None or spec.origin is None:
        raise NoVirtualMachineError
    start = _START.format(str(Path(spec.origin).parent))
    # A VM of a device that stays awake must not outlive a supervisor that was killed.
    guard = shutil.which("setpriv") if sys.platform == "linux" else None
    prefix = (guard, "--pdeathsig", "KILL") if guard else ()
    return (*prefix, sys.executable, "-I", "-S", "-c", start)


def require() -> None:
    """Raise NoVirtualMachineError when virtual devices cannot run on this machine."""
    _program()


def command(module: str = "main") -> tuple[str, ...]:
    """The command line that runs a firmware module as the device's main program."""
    return (*_program(), "-X", f"heapsize={HEAP}", "-m", module)


async def spawn(
    flash: Path, search_path: str, variables: Mapping[str, str], console: IO[bytes]
) -> asyncio.subprocess.Process:
    """Start a VM in the folder `flash` with the modules that lie on `search_path`.

    `variables` are the VM's TWIN_* environment; everything it prints goes to `console`.
    """
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "MICROPYPATH": search_path,
        **variables,
    }
    return await asyncio.create_subprocess_exec(
        *command(),
        cwd=flash,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=console,
        stderr=console,
    )
