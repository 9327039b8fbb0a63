"""Running MicroPython's make, and what it says when it cannot go on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from contracts.errors import FlashSizeError
from host.errors import FileWriteError
from host.extras import needs
from host.micropython.errors import BuildFailedError
from host.micropython.sources import MicroPythonSources

__all__ = ["Progress", "run"]

Progress = Callable[[str], None]
"""Told each line of what make says."""

# Ours and the user's make would meddle: what they were called with comes down by these.
_MAKES_OWN = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL")
_CHIPS_OWN = ("CROSS_COMPILE", "CC", "CFLAGS", "LDFLAGS")
_JOBS = f"-j{os.cpu_count() or 1}"
_OVERFLOW = re.compile(r"region [`'](\w+?)0?_\d_seg' overflowed by (\d+) bytes")
_FAULT = re.compile(
    r"(?:error|fatal error|undefined reference|multiple definition|No space left|ASSERT|not at)\b"
    r"|^(?!make\b).*\bError\b"
)
_MEMORY = {"irom": "its slot in flash", "iram1": "IRAM", "dram": "DRAM"}


def run(
    sources: MicroPythonSources,
    tree: Path,
    layout: str,
    variables: Mapping[str, str],
    *,
    log: Path,
    progress: Progress,
) -> tuple[Path, Path]:
    """Build the tree that `dormouse firmware` made; the linked file and the image.

    `variables` go to make as they are; all that it says goes to `log`. The same sources give the
    same bytes: the date that MicroPython shows is its commit's. Raises BuildFailedError,
    FlashSizeError for code that does not fit, FileWriteError, ExtraNotInstalledError.
    """
    if "ESPTOOL" not in variables:
        needs("esptool", "flash", "esptool, which makes the image,")
    linked, image = sources.build / "firmware.elf", sources.build / "firmware.bin"
    # Linker scripts and frozen modules are no prerequisites of the link in the port's Makefile.
    for old in (*sources.build.glob("firmware.elf*"), *sources.build.glob("firmware.bin")):
        old.unlink()
    # By the times of files only: what is older than the last build's would stay out, as after going
    # back to an earlier commit.
    shutil.rmtree(sources.build / "frozen_mpy", ignore_errors=True)
    log.unlink(missing_ok=True)
    given = _variables(sources, tree, layout, variables)
    environment = _environment(sources)
    compiler = ["make", "-C", str(sources.folder / "mpy-cross"), _JOBS]
    port = ["make", "-C", str(sources.port), _JOBS, *(f"{n}={v}" for n, v in given.items())]
    # The port's make would build the compiler too, but with the chip's variables.
    bare = {n: v for n, v in environment.items() if n not in given and n not in _CHIPS_OWN}
    for command, its in ((compiler, bare), (port, environment)):
        lines = _make(command, its, log, progress)
        if lines is not None:
            raise _why(lines, log)
    if not (linked.is_file() and image.is_file()):
        raise BuildFailedError(f"MicroPython's make left no {image}; all it said is in {log}")
    return linked, image


def _variables(
    sources: MicroPythonSources, tree: Path, layout: str, variables: Mapping[str, str]
) -> dict[str, str]:
    return {
        # On the command line, so that the environment's (BOARD of our own make) do not count.
        "BOARD": "DORMOUSE",
        "BOARD_DIR": str(tree.resolve() / "boards" / "DORMOUSE"),
        "BOARD_VARIANT": "",
        "BUILD": sources.build.name,
        "LAYOUT": layout,
        "FROZEN_MANIFEST": str(tree.resolve() / "manifest.py"),
        # 28 KB of code that nothing of ours calls: with it the firmware does not fit 1 MiB.
        "MICROPY_PY_SSL": "0",
        "MICROPY_SSL_AXTLS": "0",
        # Version 5 refuses to work without --chip, and up to 1.28 the port gives none.
        "ESPTOOL": f"{sys.executable} -m esptool --chip esp8266",
        **variables,
    }


def _environment(sources: MicroPythonSources) -> dict[str, str]:
    environment = {name: v for name, v in os.environ.items() if name not in _MAKES_OWN}
    environment.setdefault("SOURCE_DATE_EPOCH", str(sources.date))
    return environment


def _make(
    command: list[str], environment: Mapping[str, str], log: Path, progress: Progress
) -> list[str] | None:
    """Run make; None when it ended well, else what it said."""
    lines: list[str] = []
    try:
        with (
            log.open("a", encoding="utf-8") as file,
            subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as child,
        ):
            assert child.stdout is not None  # noqa: S101  # as asked for above
            for line in child.stdout:
                file.write(line)
                lines.append(line.rstrip())
                progress(line.strip())
    except OSError as error:
        raise FileWriteError(f"{log}: cannot be written: {error.strerror}") from None
    return None if child.returncode == 0 else lines


def _why(lines: list[str], log: Path) -> BuildFailedError | FlashSizeError:
    """The error that says best what make said."""
    for line in lines:
        if over := _OVERFLOW.search(line):
            where = _MEMORY.get(over[1], over[1])
            return FlashSizeError(f"the firmware is {over[2]} bytes too large for {where}")
    said = next((line for line in lines if _FAULT.search(line)), lines[-1] if lines else "nothing")
    return BuildFailedError(f"MicroPython's make failed: {said.strip()} (all of it: {log})")
