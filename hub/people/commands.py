"""`dormouse people`: who may look at the dashboard."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from hub.api.scope import Role
from hub.client import DataDir, HubClient, Json, Tenant
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(
    help="Who may look at the dashboard: invite, change roles, log out, remove.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="the person's name")]


def _hub(data_dir: Path | None, tenant: str | None = None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse people", tenant=tenant)


def _post(data_dir: Path | None, path: str, tenant: str | None = None, **body: Any) -> None:
    with _hub(data_dir, tenant) as hub:
        hub.post(f"/people/{path}", body)


@app.command("list")
def list_(
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """People, and what they may do in which tenant."""
    with _hub(data_dir) as hub:
        people = hub.get("/people")
    if as_json:
        typer.echo(json.dumps(people, ensure_ascii=False))
        return
    table = Table("name", "may", "since", box=None)
    for person in people:
        may = ", ".join(f"{role} of {tenant}" for tenant, role in sorted(person["roles"].items()))
        since = datetime.fromisoformat(person["since"]).astimezone().strftime("%Y-%m-%d")
        table.add_row(person["name"], may or "nothing", since)
    Console().print(table)


@app.command()
def invite(
    tenant: Tenant = None,
    role: Annotated[Role, typer.Option(help="what they may do")] = Role.ADMINISTRATOR,
    hours: Annotated[float, typer.Option(help="how long the link can be used")] = 72,
    note: Annotated[str, typer.Option(help="whom it is for, shown in the list of links")] = "",
    data_dir: DataDir = None,
) -> None:
    """Make a link that lets one person join; whoever has it can use it once."""
    if tenant is not None:
        with _hub(data_dir) as hub:
            hub.put(f"/tenants/{quote(tenant, safe='')}")
    with _hub(data_dir, tenant) as hub:
        invitation = hub.post("/invitations", {"role": role, "hours": hours, "note": note})
    typer.echo(invitation["url"])


@app.command()
def role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="what they may do from now on")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Give a person another role."""
    _post(data_dir, "role", name=name, role=role, tenant=tenant)
    typer.echo(f"{name} is {role} now")


@app.command()
def leave(name: Name, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """End a person's access to a tenant; open pages close at once."""
    _post(data_dir, "leave", name=name, tenant=tenant)
    typer.echo(f"{name} has no access any more")


@app.command()
def password(name: Name, data_dir: DataDir = None) -> None:
    """Give a person another password, which is asked for; they are logged out everywhere."""
    fresh = typer.prompt("new password", hide_input=True, confirmation_prompt=True)
    _post(data_dir, "password", name=name, password=fresh)
    typer.echo(f"the password of {name} is changed")


@app.command()
def logout(name: Name, data_dir: DataDir = None) -> None:
    """Log a person out everywhere; open pages close at once."""
    _post(data_dir, "logout", name=name)
    typer.echo(f"{name} is logged out everywhere")


@app.command()
def remove(name: Name, data_dir: DataDir = None) -> None:
    """Remove a person altogether."""
    _post(data_dir, "remove", name=name)
    typer.echo(f"{name} is removed")
