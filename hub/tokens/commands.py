"""`dormouse token`: how programs come into the API."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.client import Control
from hub.settings import load
from hub.tokens.repository import Scope

__all__ = ["app"]

app = typer.Typer(
    help="Tokens, by which programs use the API: list, add, revoke.", no_args_is_help=True
)

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
]
Tenant = Annotated[str | None, typer.Option("--tenant", help="instead of the hub's own tenant")]


@app.command("list")
def list_(
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, for programs")] = False,
) -> None:
    """Tokens, what each may do, when it was last used."""
    query = {"tenant": tenant} if tenant else {}
    with contextlib.closing(Control(load(data_dir=data_dir))) as hub:
        tokens = hub.get("/tokens", **query)
    if as_json:
        typer.echo(json.dumps(tokens, ensure_ascii=False))
        return
    table = Table("number", "name", "may", "made by", "last used", "ends", box=None)
    for token in tokens:
        table.add_row(
            str(token["id"]),
            token["name"],
            ", ".join(token["scopes"]),
            token["made_by"],
            (token["used"] or "never")[:16].replace("T", " "),
            (token["expires"] or "never")[:16].replace("T", " "),
        )
    Console().print(table)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="what it is for")],
    scope: Annotated[list[Scope] | None, typer.Option(help="what it may do; several times")] = None,
    days: Annotated[float | None, typer.Option(help="how long it lasts; else for good")] = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token and print it, this once. Without --scope it may read."""
    body = {
        "name": name,
        "scopes": scope or [Scope.READ],
        "days": days,
        "tenant": tenant,
    }
    with contextlib.closing(Control(load(data_dir=data_dir))) as hub:
        typer.echo(hub.post("/tokens", body)["token"])


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(help="its number in the list")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """End a token at once, and the streams that were opened with it."""
    with contextlib.closing(Control(load(data_dir=data_dir))) as hub:
        hub.post("/tokens/revoke", {"number": number, "tenant": tenant})
    typer.echo(f"token {number} is revoked")
