"""Making a driver: what is new is written from templates, what lists drivers gets a line."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from string import Template

from host import files
from host.errors import HostError

__all__ = ["Bus", "DriverNameError", "TreeError", "is_tree", "make"]

_NAME = re.compile(r"[a-z][a-z0-9]{1,23}")
_SENSORS = Path("firmware/dormouse/sensors")
_SHIMS = Path("host/twin/shims")
_PROGRAMS = Path("tests/firmware/programs")


class Bus(StrEnum):
    """How a sensor is attached."""

    I2C = "i2c"
    SPI = "spi"
    ONEWIRE = "onewire"
    SERIAL = "serial"
    ADC = "adc"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is particular about a bus.

    `number` tells its sensors apart: address, pin, family; or it is their speed. `taken` is
    the list (in a file of stand-ins) of the numbers that are, `boards` what a board's table has
    that can carry one.
    """

    number: int
    what: str
    allowed: range
    why: str
    file: str = ""
    taken: str = ""
    boards: str = "i2c = "
    chip: bool = True


_KINDS = {
    Bus.I2C: _Kind(
        0x48, "address", range(0x08, 0x78), "an I2C device has one from 0x8 to 0x77",
        "machine.py", "CHIPS = {",
    ),
    Bus.SPI: _Kind(
        15, "select pin", range(16), "a GPIO from 0 to 15", "machine.py", "SPI_CHIPS = {"
    ),
    Bus.ONEWIRE: _Kind(
        0x3B, "family", range(0x01, 0x100), "a family code from 0x1 to 0xff",
        "_onewire.py", "FAMILIES = {", boards="(?:i2c|onewire) = ",
    ),
    Bus.SERIAL: _Kind(9600, "speed", range(300, 115201), "from 300 to 115200 baud"),
    Bus.ADC: _Kind(0, "number", range(1), "there is one ADC", chip=False),
}  # fmt: skip


class DriverNameError(HostError):
    """The name or address cannot be a new driver's."""

    exit_status = 70


class TreeError(HostError):
    """There are no sources to put a driver into."""

    exit_status = 71


def is_tree(folder: Path) -> bool:
    """Whether the firmware's sources are there, laid out as in the source tree."""
    return (folder / _SENSORS / "__init__.py").exists()


def make(tree: Path, name: str, number: int | None = None, bus: Bus = Bus.I2C) -> list[Path]:
    """Put a driver `name` into the source tree; the files made and changed.

    `number` is the I2C address, the pin that selects an SPI device, a 1-Wire family code, or the
    speed of a serial sensor; a usual one without. Nothing is written unless all of it can be.
    Raises DriverNameError, TreeError, FileReadError, FileWriteError.
    """
    if not is_tree(tree):
        raise TreeError(f"{tree}: no Dormouse source tree: drivers are made in one")
    number = _KINDS[bus].number if number is None else number
    new = _new(name, bus, number)
    _check(tree, name, bus, number, [*new])
    edits = _edits(name, bus, number)
    changed = {path: _edited(tree / path, edit) for path, edit in edits.items()}
    for path, text in (new | changed).items():
        files.write(tree / path, text.encode())
    return [*new, *changed]


def _written(number: int, bus: Bus) -> str:
    return f"0x{number:02X}" if bus in (Bus.I2C, Bus.ONEWIRE) else str(number)


def _check(tree: Path, name: str, bus: Bus, number: int, new: list[Path]) -> None:
    kind = _KINDS[bus]
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise DriverNameError(
            f"{name!r} cannot be a driver: 2 to 24 lower-case letters and digits, a letter first, "
            "and no word of Python's"
        )
    for path in new:
        if (tree / path).exists():
            raise DriverNameError(f"{name!r} is taken: there is {path}")
    if number not in kind.allowed:
        raise DriverNameError(f"{kind.what} {number:#x}: {kind.why}")
    if kind.file:
        chips = files.read(tree / _SHIMS / kind.file).decode()
        listed = chips.partition(kind.taken)[2].partition("}")[0]
        written = _written(number, bus)
        if taken := re.search(rf'^ +{written}: "(\w+)"', listed, re.MULTILINE):
            option = kind.what.partition(" ")[0]
            raise DriverNameError(
                f"{kind.what} {number:#x} is {taken[1]}'s: choose yours with --{option}"
            )


def _new(name: str, bus: Bus, number: int) -> dict[Path, str]:
    """The new files' texts, by path below the tree."""
    words = {"name": name, "title": name.upper(), "number": _written(number, bus)}
    paths = {_SENSORS / f"{name}.py": "driver.py.in"}
    if _KINDS[bus].chip:
        paths[_SHIMS / f"{name}_chip.py"] = "chip.py.in"
    paths[_PROGRAMS / f"check_{name}.py"] = "check.py.in"
    return {path: _filled(f"{bus}/{template}", words) for path, template in paths.items()}


def _filled(template: str, words: dict[str, str]) -> str:
    folder = resources.files(__name__.rpartition(".")[0]) / "templates"
    return Template((folder / template).read_text("utf-8")).substitute(words)


def _edits(name: str, bus: Bus, number: int) -> dict[Path, Callable[[str], str]]:
    """How the files that list drivers change, by path below the tree."""
    kind, written = _KINDS[bus], _written(number, bus)
    entry = _filled(
        f"{bus}/entry.toml.in", {"name": name, "title": name.upper(), "number": written}
    )
    edits: dict[Path, Callable[[str], str]] = {
        _SENSORS / "__init__.py": lambda text: _line(text, "DRIVERS = (", f'    "{name}",', ")"),
        Path("host/provision/drivers.toml"): lambda text: text + entry,
        Path("host/boards/boards.toml"): lambda text: _carried(text, name, kind.boards),
    }
    if kind.file:
        edits[_SHIMS / kind.file] = lambda text: _line(
            text, kind.taken, f'    {written}: "{name}",', "}"
        )
    return edits


def _edited(path: Path, edit: Callable[[str], str]) -> str:
    before = files.read(path).decode()
    after = edit(before)
    if after == before:
        raise TreeError(f"{path}: not as it was when this was made: no place for a driver")
    return after


def _line(text: str, head: str, line: str, tail: str) -> str:
    """Add a line to the sorted ones between `head` and `tail`; the same text without them."""
    block = re.search(rf"^{re.escape(head)}\n?((?: .*\n)*){re.escape(tail)}$", text, re.MULTILINE)
    if block is None:
        return text
    lines = sorted([*block[1].splitlines(), line])
    opened = text[: block.start(1)].rstrip("\n")
    return opened + "\n" + "\n".join(lines) + "\n" + text[block.end(1) :]


def _carried(boards: str, name: str, where: str) -> str:
    """Every board that has such pins can carry it."""

    def add(table: re.Match[str]) -> str:
        names = sorted([*re.findall(r'"(\w+)"', table[2]), name])
        listed = ", ".join(f'"{one}"' for one in names)
        return f"{table[1]}sensors = [{listed}]\n{table[3]}"

    return re.sub(rf"(?m)^()sensors = \[(.*)\]\n({where})", add, boards)
