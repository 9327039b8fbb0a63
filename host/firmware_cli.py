"""`dormouse firmware`: what is put on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from contracts import resources
from host import artefacts

__all__ = ["app"]

app = typer.Typer(help="The device's firmware.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The device's firmware."""


@app.command()
def build(
    *,
    board: Annotated[
        str, typer.Option(envvar="DORMOUSE_BOARD", help="what the device reports")
    ] = artefacts.ANY_BOARD,
    version: Annotated[str | None, typer.Option(help="1.2.3 [this release's]")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder [build/firmware/BOARD]")
    ] = None,
) -> None:
    """Compile the firmware: a folder of .mpy files, a ROMFS image, a tree for a frozen build."""
    folder = output or Path("build/firmware") / board
    made = artefacts.build(folder, version or resources.release(), board)
    typer.echo(f"{made.romfs}: {made.romfs.stat().st_size} bytes, for a ROMFS build of MicroPython")
    typer.echo(f"{made.modules}: the same as files, for the filesystem of any build")
    typer.echo(f"{made.frozen}: for MicroPython's own build; docs/flashing.md has the command")
