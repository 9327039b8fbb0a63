"""`dormouse new-driver`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host.firmware import SOURCE
from host.newdriver.make import DriverNameError, make

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add `new-driver` to the command line."""
    app.command("new-driver")(new_driver)


def new_driver(
    name: Annotated[str, typer.Argument(help="lower-case letters and digits: lm75")],
    *,
    address: Annotated[str, typer.Option(help="the sensor's I2C address")] = "0x48",
    tree: Annotated[Path, typer.Option(help="the source tree")] = SOURCE.parent,
) -> None:
    """Start a driver for an I2C sensor: driver, stand-in for its chip, test, and where they go."""
    try:
        number = int(address, 0)
    except ValueError:
        raise DriverNameError(f"address {address!r} is no number like 0x48") from None
    for path in make(tree, name, number):
        typer.echo(path)
    typer.echo(f"try it: pytest tests/firmware/test_programs.py -k check_{name}")
