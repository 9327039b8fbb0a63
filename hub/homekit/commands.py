"""`dormouse homekit`: pairing codes, pairings, the accessories as people read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from contracts.qr import shown as qr_code
from hub.client import DataDir, HubClient, Json
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(help="Apple Home: pairing, and what it is shown.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Option("--tenant", help="only this tenant's bridges")]


_LOCKED = "locked after 100 wrong codes: `dormouse homekit unlock` lets controllers pair again"


def _get(data_dir: Path | None, path: str, tenant: str | None) -> Any:
    with _hub(data_dir, tenant) as hub:
        return hub.get(path)


def _hub(data_dir: Path | None, tenant: str | None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse homekit", tenant=tenant)


@app.command()
def qr(data_dir: DataDir = None, tenant: Tenant = None) -> None:
    """Show the pairing code and QR of every bridge again."""
    console = Console()
    for info in _get(data_dir, "/homekit/pairings", tenant):
        paired = f", paired with {len(info['controllers'])}" if info["controllers"] else ""
        console.print(f"{info['name']} ({info['tenant']}, port {info['port']}{paired})")
        console.print(Text(qr_code(info["uri"], console.encoding), style="bright_white on black"))
        console.print(f"code [bold]{info['pin']}[/bold]\n")
        if info["locked"]:
            console.print(f"{_LOCKED}\n")


@app.command()
def pairings(data_dir: DataDir = None, tenant: Tenant = None, as_json: Json = False) -> None:
    """List who is paired with which bridge."""
    bridges = _get(data_dir, "/homekit/pairings", tenant)
    if as_json:
        typer.echo(json.dumps(bridges, ensure_ascii=False))
        return
    for info in bridges:
        typer.echo(f"{info['name']} ({info['tenant']}, port {info['port']})")
        for controller in info["controllers"] or [
            "not paired: `dormouse homekit qr` shows the code"
        ]:
            typer.echo(f"  {controller}")
        if info["locked"]:
            typer.echo(f"  {_LOCKED}")


@app.command()
def unlock(data_dir: DataDir = None, tenant: Tenant = None) -> None:
    """Let controllers pair again after a hundred wrong codes."""
    with _hub(data_dir, tenant) as hub:
        answer = hub.post("/homekit/unlock")
    typer.echo(f"{answer['unlocked']} unlocked")


@app.command()
def unpair(
    controller: Annotated[str | None, typer.Argument(help="a controller's id")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="every controller")] = False,
    data_dir: DataDir = None,
    tenant: Tenant = None,
) -> None:
    """End a pairing from this side, as when a phone was lost."""
    if (controller is None) != everyone:
        raise typer.BadParameter("name one controller (`dormouse homekit pairings`), or --all")
    with _hub(data_dir, tenant) as hub:
        answer = hub.post("/homekit/unpair", {"controller": controller})
    typer.echo(f"{answer['unpaired']} unpaired")


@app.command()
def accessories(data_dir: DataDir = None, tenant: Tenant = None, as_json: Json = False) -> None:
    """Show the accessories with their values, and what is held back and why."""
    homes = _get(data_dir, "/homekit/accessories", tenant)
    if as_json:
        typer.echo(json.dumps(homes, ensure_ascii=False))
        return
    for home in homes:
        Console().print(_home(home))


@app.command()
def remove(
    device: Annotated[str, typer.Argument(help="the device: its name or id")],
    data_dir: DataDir = None,
    tenant: Tenant = None,
) -> None:
    """Take a device out of HomeKit; its history stays, and it returns when it speaks again."""
    with _hub(data_dir, tenant) as hub:
        device = hub.device(device, known=False)
        hub.delete(f"/homekit/accessories/{quote(device, safe='')}")
    typer.echo(f"{device} is no longer in HomeKit")


def _home(home: dict[str, Any]) -> Tree:
    root = Tree(f"tenant {home['tenant']}")
    for bridge in home["bridges"]:
        branch = root.add(f"{bridge['name']}: {len(bridge['accessories'])} accessories")
        for accessory in bridge["accessories"]:
            _accessory(branch, accessory)
    if home["held"]:
        branch = root.add("held back")
        for unshown in home["held"]:
            branch.add(Text(f"{unshown['device']} {unshown['part']}: {unshown['reason']}"))
    return root


def _accessory(branch: Tree, accessory: dict[str, Any]) -> None:
    state = "" if accessory["available"] else "  No Response"
    leaf = branch.add(Text(f"{accessory['name']} ({accessory['device']}){state}"))
    for service, values in accessory["services"].items():
        if service != "AccessoryInformation":
            text = ", ".join(f"{name} {value}" for name, value in values.items())
            leaf.add(Text(f"{service}: {text}"))
