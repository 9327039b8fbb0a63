"""What a virtual device runs: the compiled firmware and the compiled stand-ins for the chip."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from host.firmware import SOURCE, compile_firmware, compile_shims

__all__ = ["TREE", "Build", "compile_to", "tree_version"]

TREE = SOURCE.parent
"""This source tree."""


@dataclass(frozen=True, slots=True)
class Build:
    """Folders of compiled modules: the firmware's own, and those that stand in for the chip's."""

    modules: Path
    shims: Path

    @property
    def search_path(self) -> str:
        """MICROPYPATH of the VM; the shims come first, since they replace modules of the port."""
        return f"{self.shims}:{self.modules}:.frozen"


def compile_to(
    folder: Path, *, version: str | None = None, board: str = "twin", source: Path = SOURCE
) -> Build:
    """Compile everything into `folder`, in place of what was there.

    The firmware says that it is `version` (this tree's without one) for `board`. Raises
    host.firmware.FirmwareError with the compiler's message.
    """
    shutil.rmtree(folder, ignore_errors=True)
    build = Build(folder / "modules", folder / "shims")
    compile_shims(build.shims)
    compile_firmware(build.modules, version or tree_version(), board, source)
    return build


def tree_version() -> str:
    """This source tree's version."""
    return (TREE / "VERSION").read_text("utf-8").strip()
