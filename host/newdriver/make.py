"""Making a driver: what is new is written from templates, what lists drivers gets a line."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from string import Template

from host import files
from host.errors import HostError

__all__ = ["DriverNameError", "TreeError", "is_tree", "make"]

_NAME = re.compile(r"[a-z][a-z0-9]{1,23}")
_SENSORS = Path("firmware/dormouse/sensors")
_SHIMS = Path("host/twin/shims")
_ADDRESSES = range(0x08, 0x78)  # the rest of the 7 bits is reserved by the I2C specification


class DriverNameError(HostError):
    """The name or address cannot be a new driver's."""

    exit_status = 70


class TreeError(HostError):
    """There are no sources to put a driver into."""

    exit_status = 71


def is_tree(folder: Path) -> bool:
    """Whether the firmware's sources are there, laid out as in the source tree."""
    return (folder / _SENSORS / "__init__.py").exists()


def make(tree: Path, name: str, address: int = 0x48) -> list[Path]:
    """Put a driver `name` for an I2C sensor into the source tree; the files made and changed.

    Nothing is written unless all of it can be. Raises DriverNameError, TreeError, FileReadError,
    FileWriteError.
    """
    if not is_tree(tree):
        raise TreeError(f"{tree}: no Dormouse source tree: drivers are made in one")
    new = _new(name, address)
    _check(tree, name, address, [*new])
    changed = {path: _edited(tree / path, edit) for path, edit in _edits(name, address).items()}
    for path, text in (new | changed).items():
        files.write(tree / path, text.encode())
    return [*new, *changed]


def _hex(address: int) -> str:
    return f"0x{address:02X}"


def _check(tree: Path, name: str, address: int, new: list[Path]) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise DriverNameError(
            f"{name!r} cannot be a driver: 2 to 24 lower-case letters and digits, a letter first, "
            "and no word of Python's"
        )
    for path in new:
        if (tree / path).exists():
            raise DriverNameError(f"{name!r} is taken: there is {path}")
    if address not in _ADDRESSES:
        raise DriverNameError(f"address {address:#x}: an I2C device has one from 0x8 to 0x77")
    chips = files.read(tree / _SHIMS / "machine.py").decode()
    if taken := re.search(rf'^ +{_hex(address)}: "(\w+)"', chips, re.MULTILINE):
        raise DriverNameError(f"address {address:#x} is {taken[1]}'s: choose yours with --address")


def _new(name: str, address: int) -> dict[Path, str]:
    """The new files' texts, by path below the tree."""
    words = {"name": name, "title": name.upper(), "address": _hex(address)}
    return {
        _SENSORS / f"{name}.py": _filled("driver.py.in", words),
        _SHIMS / f"{name}_chip.py": _filled("chip.py.in", words),
        Path(f"tests/firmware/programs/check_{name}.py"): _filled("check.py.in", words),
    }


def _filled(template: str, words: dict[str, str]) -> str:
    folder = resources.files(__name__.rpartition(".")[0]) / "templates"
    return Template((folder / template).read_text("utf-8")).substitute(words)


def _edits(name: str, address: int) -> dict[Path, Callable[[str], str]]:
    """How the files that list drivers change, by path below the tree."""
    entry = _filled("entry.toml.in", {"name": name, "title": name.upper()})
    return {
        _SENSORS / "__init__.py": lambda text: _line(text, "DRIVERS = (", f'    "{name}",', ")"),
        _SHIMS / "machine.py": lambda text: _line(
            text, "CHIPS = {", f'    {_hex(address)}: "{name}",', "}"
        ),
        Path("host/provision/drivers.toml"): lambda text: text + entry,
        Path("host/boards/boards.toml"): lambda text: _carried(text, name),
    }


def _edited(path: Path, edit: Callable[[str], str]) -> str:
    before = files.read(path).decode()
    after = edit(before)
    if after == before:
        raise TreeError(f"{path}: not as it was when this was made: no place for a driver")
    return after


def _line(text: str, head: str, line: str, tail: str) -> str:
    """Add a line to the sorted ones between `head` and `tail`; the same text without them."""
    block = re.search(rf"^{re.escape(head)}\n((?: .*\n)*){re.escape(tail)}$", text, re.MULTILINE)
    if block is None:
        return text
    lines = sorted([*block[1].splitlines(), line])
    return text[: block.start(1)] + "\n".join(lines) + "\n" + text[block.end(1) :]


def _carried(boards: str, name: str) -> str:
    """Every board with I2C pins can carry it."""

    def add(table: re.Match[str]) -> str:
        names = sorted([*re.findall(r'"(\w+)"', table[2]), name])
        listed = ", ".join(f'"{one}"' for one in names)
        return f"{table[1]}sensors = [{listed}]\n{table[3]}"

    return re.sub(r"(?m)^()sensors = \[(.*)\]\n(i2c = )", add, boards)
