"""The firmware's sensor drivers and what each wants in the settings, from drivers.toml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from host import tables

__all__ = ["SensorDriver", "known"]


class SensorDriver(BaseModel):
    """One driver; see drivers.toml. `options` has (lowest, highest), or () for text.

    `wired` are those of the options that are GPIO numbers.

    Drivers of one `bus` share its pins when `identity` tells them apart; `usual` is what stands for
    it where the settings have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    pins: tuple[str, ...]
    options: Mapping[str, tuple[int, int] | tuple[()]] = Field(default_factory=dict)
    bus: str = ""
    wired: tuple[str, ...] = ()
    identity: str = ""
    usual: int | str = ""


_FILE = Path(__file__).with_name("drivers.toml")


@cache
def known(file: Path = _FILE) -> Mapping[str, SensorDriver]:
    """Every driver by its name in the settings."""
    return tables.read(file, SensorDriver)
