"""What a virtual device runs: the compiled firmware and the compiled stand-ins for the chip."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from contracts import resources
from host.firmware import SHIMS, SOURCE, compile_firmware, compile_shims, copy_firmware, copy_shims
from host.twin.vm import Machine

__all__ = ["Build", "compile_to"]


@dataclass(frozen=True, slots=True)
class Build:
    """Folders of modules: the firmware's own, and those that stand in for the chip's.

    Compiled for MicroPython, or sources for CPython.
    """

    modules: Path
    shims: Path
    machine: Machine = Machine.MICROPYTHON

    @property
    def search_path(self) -> str:
        """MICROPYPATH of the VM; the shims come first, since they replace modules of the port."""
        return f"{self.shims}:{self.modules}:.frozen"


def compile_to(
    folder: Path,
    *,
    version: str | None = None,
    board: str = "twin",
    source: Path = SOURCE,
    shims: Path = SHIMS,
    machine: Machine = Machine.MICROPYTHON,
) -> Build:
    """Compile everything into `folder`, in place of what was there; or copy it for CPython.

    The firmware says that it is `version` (this release without one) for `board`. `source` and
    `shims` are the folders of both. Raises FirmwareBuildError with the compiler's message.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder = folder.absolute()  # a VM looks from its own folder
    build = Build(folder / "modules", folder / "shims", machine)
    for_vm = machine is Machine.MICROPYTHON
    (compile_shims if for_vm else copy_shims)(build.shims, shims)
    (compile_firmware if for_vm else copy_firmware)(
        build.modules, version or resources.release(), board, source
    )
    return build
