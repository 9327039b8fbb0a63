"""`dormouse zone`: whose clock days, hours and times are by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.client import HubClient
from hub.settings import load

__all__ = ["mount"]


def mount(root: typer.Typer) -> None:
    """Add the command."""
    root.command("zone")(zone)


def zone(
    name: Annotated[
        str | None, typer.Argument(help="like Europe/Berlin; `hub`: that of the hub's machine")
    ] = None,
    place: Annotated[
        int | None, typer.Option("--place", help="of this place and those within it, by number")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="instead of the hub's own")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
    ] = None,
) -> None:
    """Show or set the time zone of days, hours and times."""
    wanted = None if name == "hub" else name
    with HubClient(load(data_dir=data_dir), "dormouse zone", tenant=tenant) as hub:
        if place is not None:
            if name is not None:
                hub.patch(f"/places/{place}", {"zone": wanted})
            typer.echo(hub.get(f"/places/{place}/zone")["zone"])
            return
        found = hub.get("/zone") if name is None else hub.put("/zone", {"zone": wanted})
    typer.echo(found["zone"] + (" (the hub's)" if found["of"] == "hub" else ""))
