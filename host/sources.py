"""What a driver is part of: this release's sources, or a copy in which somebody changes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from contracts import resources

__all__ = ["INSTALLED", "SourceOption", "Sources", "chosen"]

_HOST = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Sources:
    """Where they are: the device's sources, the stand-ins for its chip, the lists, the tests."""

    firmware: Path
    shims: Path
    boards: Path
    drivers: Path
    programs: Path

    @classmethod
    def at(cls, top: Path, host: Path | None = None) -> Sources:
        """Those below `top`, which is laid out as the source tree is."""
        host = host or top / "host"
        return cls(
            firmware=top / "firmware",
            shims=host / "twin" / "shims",
            boards=host / "boards" / "boards.toml",
            drivers=host / "provision" / "drivers.toml",
            programs=top / "tests" / "firmware" / "programs",
        )


INSTALLED = Sources.at(resources.firmware().parent, _HOST)

SourceOption = Annotated[
    Path | None,
    typer.Option(
        "--source",
        envvar="DORMOUSE_SOURCE",
        help="a copy of the sources, from `dormouse new-driver` [this release's own]",
    ),
]


def chosen(folder: Path | None) -> Sources:
    """The sources that the option names."""
    return Sources.at(folder) if folder else INSTALLED
