"""Boards: what is known about each, from boards.toml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from host import tables
from host.errors import UnknownBoardError

__all__ = ["Board", "I2c", "Relay", "get", "known"]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class I2c(_Fact):
    """The GPIO numbers of an I2C bus."""

    scl: int
    sda: int


class Relay(_Fact):
    """A switch as the firmware's settings have it: GPIO numbers of relay, button and LED."""

    relay: int
    button: int
    led: int


class Board(_Fact):
    """One board. `pins` has GPIO numbers by printed label; sizes are in bytes.

    `loader` says what a person does to start the ROM's loader, "" where `auto_reset` does it;
    `ota` why the board takes no updates over the air, "" if it does; `wake` what to wire for deep
    sleep, "" if it cannot wake; `battery_mv` the voltage that reads 1024, None without a way to
    measure it.
    """

    id: str
    name: str
    flash_size: int
    flash_mode: Literal["qio", "qout", "dio", "dout"]
    auto_reset: bool
    loader: str = ""
    wake: str = ""
    ota: str = ""
    sensors: tuple[str, ...] = Field(strict=False)
    i2c: I2c | None = None
    onewire: tuple[int, ...] = Field((), strict=False)
    battery_mv: int | None = None
    switch: Relay | None = None
    notes: tuple[str, ...] = Field((), strict=False)
    pins: Mapping[str, int]

    def label(self, gpio: int) -> str:
        """The pin as a person finds it: "D2 (GPIO4)", or "GPIO4" where nothing is printed."""
        for label, number in self.pins.items():
            if number == gpio:
                return f"{label} (GPIO{gpio})"
        return f"GPIO{gpio}"

    def gpio(self, text: str) -> int | None:
        """The GPIO number of a label, "GPIO4" or "4"; None for a pin that the board lacks."""
        label = text.strip().upper()
        if label in self.pins:
            return self.pins[label]
        digits = label.removeprefix("GPIO")
        number = int(digits) if digits.isascii() and digits.isdigit() else -1
        return number if number in self.pins.values() else None


_FILE = Path(__file__).with_name("boards.toml")


@cache
def known(file: Path = _FILE) -> Mapping[str, Board]:
    """Every board by its id, in the order of the file."""
    return tables.read(file, Board)


def get(id_: str, file: Path = _FILE) -> Board:
    """The board of that id, any case. Raises UnknownBoardError, which names the known ones."""
    board = known(file).get(id_.strip().lower())
    if board is None:
        names = ", ".join(known(file))
        raise UnknownBoardError(f"there is no board '{id_}' here; known: {names}")
    return board
