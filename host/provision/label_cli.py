"""`dormouse label`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from host import serial_port
from host.extras import of_extra
from host.label.label import shown
from host.label.store import LabelStore
from host.provision import labels

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Add `label` to the command line."""
    app.command()(label)


def label(
    context: typer.Context,
    devices: Annotated[
        list[str] | None, typer.Argument(help="ids of devices flashed or set up from here")
    ] = None,
    *,
    port: Annotated[
        str | None,
        typer.Option(envvar="DORMOUSE_PORT", help="ask the device on this port [the only one]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="a sheet to print (.pdf, .png) instead [all devices]"),
    ] = None,
    within: Annotated[
        float, typer.Option(help="seconds that the board may take to show its prompt", min=1)
    ] = 30,
) -> None:
    """Show the label of the device on a cable, or of devices flashed from here, or print a sheet.

    A phone that reads its code joins the network of the device's portal. It holds that network's
    password: whoever reads it can set the device up, with its button pressed.
    """
    # A port of the environment is where devices are connected, not which one is meant.
    source = context.get_parameter_source("port")
    named = source is not None and source.name == "COMMANDLINE"
    if devices or (output and not named):
        chosen = LabelStore().chosen(devices or [])
    else:
        chosen = [labels.read(serial_port.choose(port), within=within)]
    if output is None:
        for one in chosen:
            typer.echo(shown(one, sys.stdout))
        return
    with of_extra("flash", "Pillow, which draws sheets,"):
        from host.label import sheet  # noqa: PLC0415  # a third of a second of imports

    for name in sheet.write(output, chosen):
        typer.echo(f"{name}: {len(chosen)} label{'s' if len(chosen) != 1 else ''}")
