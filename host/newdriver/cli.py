"""`dormouse new-driver`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from contracts import resources
from host.newdriver.copied import copied
from host.newdriver.make import DriverNameError, TreeError, is_tree, make

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add `new-driver` to the command line."""
    app.command("new-driver")(new_driver)


def new_driver(
    name: Annotated[str, typer.Argument(help="lower-case letters and digits: lm75")],
    *,
    address: Annotated[str, typer.Option(help="the sensor's I2C address")] = "0x48",
    source: Annotated[
        Path | None,
        typer.Option(
            envvar="DORMOUSE_SOURCE",
            help="where the sources are, or a new folder for a copy of them [the source tree]",
        ),
    ] = None,
) -> None:
    """Start a driver for an I2C sensor: driver, stand-in for its chip, test, and where they go."""
    try:
        number = int(address, 0)
    except ValueError:
        raise DriverNameError(f"address {address!r} is no number like 0x48") from None
    tree = source or resources.source_tree()
    if tree is None:
        raise TreeError(
            "there is no source tree here: --source FOLDER makes a folder with a copy of the "
            "firmware and puts the driver there"
        )
    if is_tree(tree):
        paths = make(tree, name, number)
    else:
        with copied(tree) as draft:
            paths = make(draft, name, number)
        typer.echo(f"{tree}: a copy of the firmware, with the driver in it:")
    for path in paths:
        typer.echo(path)
    where = f" --source {shlex.quote(str(source))}" if source else ""
    typer.echo(f"try it: dormouse firmware test check_{name}{where}")
    typer.echo(f"build it: dormouse firmware build{where}")
