"""`dormouse hub update`."""

from __future__ import annotations

import json

import typer

from hub.client import DataDir, HubClient, Json
from hub.settings import load

__all__ = ["update"]


def update(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show which version of the hub runs, and what came of its last update by a hook."""
    with HubClient(load(data_dir=data_dir), "dormouse hub update") as hub:
        found = hub.get("/update")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    of = f" ({found['version']})" if found["version"] else ", as it was installed"
    watched = ", watched" if found["phase"] == "trial" else ""
    typer.echo(f"Dormouse {found['release']}{of}{watched}")
    last = found["last"]
    if last is not None:
        well = "healthy" if last["healthy"] else f"gone back from: it {last['reason']}"
        typer.echo(f"last update, {last['who']}: {last['release']} ({last['version']}), {well}")
        if last["kept"]:
            typer.echo(last["kept"])
    if not found["enabled"]:
        typer.echo(found["why_not"])
