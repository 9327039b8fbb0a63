"""`dormouse search`: questions about devices under a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.client import DataDir, HubClient, Json, Tenant
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(
    help="Saved searches for devices, for everybody of a tenant: list, add, run, remove.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="the search's name")]


def _hub(data_dir: Path | None, tenant: str | None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse search", tenant=tenant)


@app.command("list")
def list_(tenant: Tenant = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Searches that are saved for everybody, with what each asks."""
    with _hub(data_dir, tenant) as hub:
        searches = hub.get("/searches")
    if as_json:
        typer.echo(json.dumps(searches, ensure_ascii=False))
        return
    table = Table("number", "name", "asks", "made by", box=None)
    for one in searches:
        table.add_row(str(one["id"]), one["name"], one["where"], one["made_by"])
    Console().print(table)


@app.command()
def add(
    name: Name,
    where: Annotated[str, typer.Argument(help="a jsonpath, as in '$.battery_mv < 2700'")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Save a question for everybody of the tenant."""
    with _hub(data_dir, tenant) as hub:
        saved = hub.post("/searches", {"name": name, "where": where, "shared": True})
    typer.echo(f"search {saved['id']}: {saved['name']}")


@app.command()
def run(name: Name, tenant: Tenant = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """The devices that a saved search finds now."""
    with _hub(data_dir, tenant) as hub:
        found = hub.get("/devices", search=name)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        typer.echo("\t".join((one["id"], one["name"] or "")))


@app.command()
def remove(
    number: Annotated[int, typer.Argument(help="its number in the list")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Forget a saved search."""
    with _hub(data_dir, tenant) as hub:
        hub.delete(f"/searches/{number}")
    typer.echo(f"search {number} is removed")
