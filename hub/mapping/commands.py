"""`dormouse mapping`: how devices of other firmware speak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.client import HubClient
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(help="How devices of other firmware speak (docs/mapping.md).")


@app.callback()
def _mapping() -> None:
    """Keep `reload` a command of its own."""


@app.command()
def reload(
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
    ] = None,
) -> None:
    """Have the running hub read its mapping file again."""
    with HubClient(load(data_dir=data_dir), "dormouse mapping") as hub:
        loaded = hub.post("/mapping/reload")
    parts = [f"{kind} {', '.join(names)}" for kind, names in loaded.items() if names]
    typer.echo(f"the mapping holds: {'; '.join(parts) or 'nothing'}")
