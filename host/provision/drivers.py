"""The firmware's sensor drivers and what each wants in the settings, from drivers.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Driver", "known"]


class Driver(BaseModel):
    """One driver; see drivers.toml. `options` has (lowest, highest), or () for text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    pins: tuple[str, ...]
    options: Mapping[str, tuple[int, int] | tuple[()]] = Field(default_factory=dict)
    bus: str = ""


@cache
def known() -> Mapping[str, Driver]:
    """Every driver by its name in the settings."""
    text = resources.files(__name__.rpartition(".")[0]).joinpath("drivers.toml").read_text("utf-8")
    return {id_: Driver(id=id_, **facts) for id_, facts in tomllib.loads(text).items()}
