"""`dormouse new-driver`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from contracts import resources
from host.newdriver.copied import copied
from host.newdriver.make import Bus, DriverNameError, TreeError, is_tree, make

__all__ = ["mount"]

_OPTIONS = {Bus.I2C: "address", Bus.SPI: "select", Bus.ONEWIRE: "family", Bus.SERIAL: "speed"}
_EXAMPLES = {Bus.I2C: "0x48", Bus.SPI: "15", Bus.ONEWIRE: "0x3b", Bus.SERIAL: "9600"}


def mount(app: typer.Typer) -> None:
    """Add `new-driver` to the command line."""
    app.command("new-driver")(new_driver)


def new_driver(
    name: Annotated[str, typer.Argument(help="lower-case letters and digits: lm75")],
    *,
    bus: Annotated[Bus, typer.Option(help="how the sensor is attached")] = Bus.I2C,
    address: Annotated[str | None, typer.Option(help="its I2C address [0x48]")] = None,
    select: Annotated[str | None, typer.Option(help="the pin that selects it on SPI [15]")] = None,
    family: Annotated[str | None, typer.Option(help="its 1-Wire family code [0x3b]")] = None,
    speed: Annotated[str | None, typer.Option(help="the baud it speaks at the UART [9600]")] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            envvar="DORMOUSE_SOURCE",
            help="where the sources are, or a new folder for a copy of them [the source tree]",
        ),
    ] = None,
) -> None:
    """Start a driver for a sensor: driver, stand-in for its chip, test, and where they go."""
    given = {Bus.I2C: address, Bus.SPI: select, Bus.ONEWIRE: family, Bus.SERIAL: speed}
    number = _number(bus, given)
    tree = source or resources.source_tree()
    if tree is None:
        raise TreeError(
            "there is no source tree here: --source FOLDER makes a folder with a copy of the "
            "firmware and puts the driver there"
        )
    if is_tree(tree):
        paths = make(tree, name, number, bus)
    else:
        with copied(tree) as draft:
            paths = make(draft, name, number, bus)
        typer.echo(f"{tree}: a copy of the firmware, with the driver in it:")
    for path in paths:
        typer.echo(path)
    where = f" --source {shlex.quote(str(source))}" if source else ""
    typer.echo(f"try it: dormouse firmware test check_{name}{where}")
    typer.echo(f"build it: dormouse firmware build{where}")


def _number(bus: Bus, given: Mapping[Bus, str | None]) -> int | None:
    """What was given for the bus. Raises DriverNameError, also for what another bus would have."""
    for other, text in given.items():
        if text is not None and other is not bus:
            raise DriverNameError(f"--{_OPTIONS[other]} is for --bus {other}")
    text = given.get(bus)
    if text is None:
        return None
    try:
        return int(text, 0)
    except ValueError:
        what = _OPTIONS[bus]
        raise DriverNameError(f"{what} {text!r} is no number like {_EXAMPLES[bus]}") from None
