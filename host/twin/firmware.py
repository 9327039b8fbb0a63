"""What a virtual device runs: the compiled firmware and the compiled stand-ins for the chip."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from contracts import resources
from host.firmware import SHIMS, SOURCE, compile_firmware, compile_shims

__all__ = ["Build", "compile_to"]


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
    folder: Path,
    *,
    version: str | None = None,
    board: str = "twin",
    source: Path = SOURCE,
    shims: Path = SHIMS,
) -> Build:
    """Compile everything into `folder`, in place of what was there.

    The firmware says that it is `version` (this release without one) for `board`. `source` and
    `shims` are the folders of both. Raises FirmwareBuildError with the compiler's message.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder = folder.absolute()  # a VM looks from its own folder
    build = Build(folder / "modules", folder / "shims")
    compile_shims(build.shims, shims)
    compile_firmware(build.modules, version or resources.release(), board, source)
    return build
