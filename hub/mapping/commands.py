"""`dormouse mapping`: how devices of other firmware speak."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub.client import DataDir, HubClient
from hub.mapping.rehearsal import rehearse
from hub.mapping.routes import RehearsedOut
from hub.mapping.rules import Mapping as Rules
from hub.mapping.stored import configured
from hub.mapping.translator import Translator
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(help="How devices of other firmware speak (docs/mapping.md).")


@app.command()
def reload(data_dir: DataDir = None) -> None:
    """Have the running hub read its mapping file again."""
    with HubClient(load(data_dir=data_dir), "dormouse mapping") as hub:
        loaded = hub.post("/mapping/reload")
    parts = [f"{kind} {', '.join(names)}" for kind, names in loaded.items() if names]
    typer.echo(f"the mapping holds: {'; '.join(parts) or 'nothing'}")


@app.command("test")
def try_message(
    topic: Annotated[str, typer.Argument(help="as tele/plug_1/SENSOR")],
    payload: Annotated[str, typer.Argument(help="as it would come; '' for an empty one")],
    presets: Annotated[
        str | None,
        typer.Option("--presets", help="try these presets, without a running hub"),
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option("--mapping", help="try this file, without a running hub"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Show what a message would say, and what no rule reads; nothing is kept.

    It is the running hub's mapping that is asked, unless --presets or --mapping name another.
    """
    if presets is not None or mapping is not None:
        rules = configured(presets or "", mapping or "") or Rules()
        found = rehearse(Translator(rules), topic, payload.encode())
        told = RehearsedOut.model_validate(found).model_dump()
    else:
        with HubClient(load(data_dir=data_dir), "dormouse mapping") as hub:
            told = hub.post("/mapping/test", {"topic": topic, "payload": payload})
    _show(told)


def _show(told: dict[str, Any]) -> None:
    """Print it; the status is 1 where the message says nothing."""
    for rule in told["rules"]:
        typer.echo(f"rule for this topic: {rule}")
    if not told["rules"]:
        typer.echo("no rule is for this topic")
    for one in told["says"]:
        command = f"   (command: {one['command']})" if one["command"] else ""
        typer.echo(f"  {one['what']}: {one['says']}{command}")
    for rule in told["silent"]:
        typer.echo(f"  nothing was found for {rule}")
    for member in told["unknown"]:
        typer.echo(f"  no rule reads {member}")
    if not told["says"]:
        raise typer.Exit(1)
