"""Test programs of the firmware: each runs on MicroPython, with stand-ins for the chip."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from host.firmware import FirmwareBuildError
from host.sources import Sources
from host.twin import firmware, vm
from host.twin.vm import Cause

__all__ = ["ProgramOutcome", "run"]

_PATIENCE_S = 60.0  # the longest of ours takes 3 s on a busy machine


@dataclass(frozen=True, slots=True)
class ProgramOutcome:
    """How a program ended; `console` is what it printed."""

    name: str
    passed: bool
    console: str


def run(sources: Sources, pattern: str = "check_*") -> list[ProgramOutcome]:
    """Run the programs whose names match, one after the other.

    Raises FirmwareBuildError where there is none, or the firmware cannot be compiled.
    """
    if not sources.programs.is_dir():
        raise FirmwareBuildError(
            f"{sources.programs}: no tests here: they are in the source tree, and in the folder "
            "that `dormouse new-driver` makes (--source FOLDER)"
        )
    programs = sorted(sources.programs.glob(f"{pattern}.py"))
    if not programs:
        raise FirmwareBuildError(f"{sources.programs}: there is no {pattern}.py")
    vm.require()
    with tempfile.TemporaryDirectory(prefix="dormouse-test-") as folder:
        build = firmware.compile_to(
            Path(folder) / "build", source=sources.firmware, shims=sources.shims
        )
        return [asyncio.run(_one(program, build, Path(folder) / program.stem))
                for program in programs]  # fmt: skip


async def _one(program: Path, build: firmware.Build, folder: Path) -> ProgramOutcome:
    flash, world, console = folder / "flash", folder / "world.json", folder / "console"
    flash.mkdir(parents=True)
    world.write_text("{}")
    (flash / "settings.json").write_text("{}")  # as a provisioned device has one
    seed = secrets.randbelow(1 << 30)
    (folder / "seed.py").write_text(f"SEED = {seed}\n")
    variables = {
        "TWIN_RESET_CAUSE": str(int(Cause.POWER)),
        "TWIN_CHIP_ID": "00000000",
        "TWIN_WORLD": str(world),
    }
    path = [str(program.parent.absolute()), str(folder)]
    typed = f"import sys; sys.path.extend({path}); import {program.stem}"
    with console.open("wb") as printed:
        process = await vm.spawn(flash, build.search_path, variables, printed, typed)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status = await process.wait()
        except TimeoutError:
            status = -1
        finally:
            await vm.end(process)
    output = console.read_text("utf-8", errors="replace")
    if status == -1:
        output += f"not done after {_PATIENCE_S:g} s"
    return ProgramOutcome(
        program.stem, status == 0 and "Traceback" not in output, f"seed {seed}\n{output}"
    )
