"""`dormouse token`: how programs come into the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.api.scope import Scope
from hub.client import DataDir, HubClient, Json, Tenant
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(
    help="Tokens, by which programs use the API: list, add, revoke.", no_args_is_help=True
)

_LONGEST_DAYS = 36500


def _hub(data_dir: Path | None, tenant: str | None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse token", tenant=tenant)


def _after(days: float) -> str:
    """The instant so many days from now."""
    if not 0 < days <= _LONGEST_DAYS:
        raise typer.BadParameter(f"--days {days:g}: more than 0, {_LONGEST_DAYS} at most")
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@app.command("list")
def list_(
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Tokens, what each may do, when it was last used."""
    with _hub(data_dir, tenant) as hub:
        tokens = hub.get("/tokens")
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
    expires = None if days is None else _after(days)
    body = {"name": name, "scopes": scope or [Scope.READ], "expires": expires}
    with _hub(data_dir, tenant) as hub:
        typer.echo(hub.post("/tokens", body)["token"])


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(help="its number in the list")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """End a token at once, and the streams that were opened with it."""
    with _hub(data_dir, tenant) as hub:
        hub.delete(f"/tokens/{number}")
    typer.echo(f"token {number} is revoked")
