"""`dormouse site`: places with a network of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from contracts import qr
from contracts.show import Clock
from hub.client import DataDir, HubClient, Json, Tenant
from hub.settings import load
from hub.sites import gateway_commands, network_commands
from hub.sites.errors import GatewayError
from hub.sites.forwarder import file_names

__all__ = ["app"]

app = typer.Typer(
    help="Places with a network of their own, reached through WireGuard tunnels.",
    no_args_is_help=True,
)


Name = Annotated[str, typer.Argument(help="the site's name, such as beach")]


def _hub(data_dir: Path | None, tenant: str | None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse site", tenant=tenant)


@app.command()
def add(
    name: Name,
    *,
    network: Annotated[
        list[str] | None,
        typer.Option(help="the site's own network, such as 192.168.57.0/24; several times"),
    ] = None,
    home: Annotated[
        list[str] | None,
        typer.Option(help="a network of the home that it reaches besides the hub; several times"),
    ] = None,
    endpoint: Annotated[
        str, typer.Option(help="where the site finds the home; else DORMOUSE_SITE_HOST")
    ] = "",
    site_endpoint: Annotated[
        str, typer.Option(help="where the hub finds the site, if it has a name as well")
    ] = "",
    place: Annotated[
        str, typer.Option(help="the place of its devices, such as 'Beach house'; else its name")
    ] = "",
    out: Annotated[Path, typer.Option(help="the folder for its files, closed to others")] = Path(),
    show_qr: Annotated[bool, typer.Option("--qr", help="print the code for a phone, too")] = False,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a site: keys, and the files for both ends, which nobody can make again."""
    body = {
        "name": name, "networks": network or [], "home": home or [], "endpoint": endpoint,
        "site_endpoint": site_endpoint,
        "place": [part.strip() for part in place.split("/")] if place else [],
    }  # fmt: skip
    _writable(out)
    with _hub(data_dir, tenant) as hub:
        made = hub.post("/sites", body)
        try:
            _write(out, made["files"])
        except OSError as error:
            # Without its files a site is of no use, and they cannot be made again.
            hub.delete(f"/sites/{quote(name, safe='')}")
            raise GatewayError(f"{_said(out, error)}; the site was not added") from None
    if as_json:
        kept = [{key: one[key] for key in ("path", "where")} for one in made["files"]]
        typer.echo(json.dumps({**made, "files": kept}, ensure_ascii=False))
        return
    typer.echo(f"site {name}: the hub is {made['hub_address']} through its tunnel")
    for one in made["files"]:
        typer.echo(f"{one['path']}: {one['where']}")
    if show_qr:
        typer.echo(qr.terminal(made["files"][1]["text"]))


def _writable(folder: Path) -> None:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise typer.BadParameter(f"{folder} is no folder that can be written", param_hint="--out")


def _write(folder: Path, files: Sequence[dict[str, Any]]) -> None:
    """Files that only their owner can read: all, or none; one that is there is not replaced.

    Each gets its `path`. Raises OSError.
    """
    written: list[Path] = []
    try:
        for one in files:
            path = folder / one["name"]
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            written.append(path)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(one["text"])
            one["path"] = str(path)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _said(folder: Path, error: OSError) -> str:
    return f"{error.filename or folder}: {error.strerror}"


@app.command()
def forwarder(
    name: Name,
    *,
    program: Annotated[
        bool,
        typer.Option("--program", help="`dormouse site forward` brings it, with exact times"),
    ] = False,
    out: Annotated[Path, typer.Option(help="the folder for its files, closed to others")] = Path(),
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make the files of a small broker at a site that keeps and forwards what its devices say."""
    _writable(out)
    # Made again they have another password: those that are there would be of no use any more.
    if there := next(
        (out / one for one in file_names(program=program) if (out / one).exists()), None
    ):
        raise GatewayError(
            f"{there} is there already: take it away, or name another folder (--out)"
        )
    with _hub(data_dir, tenant) as hub:
        made = hub.post(f"/sites/{quote(name, safe='')}/forwarder", {"program": program})
    try:
        _write(out, made)
    except OSError as error:
        raise GatewayError(f"{_said(out, error)}; make them again elsewhere") from None
    if as_json:
        kept = [{key: one[key] for key in ("name", "path", "where")} for one in made]
        typer.echo(json.dumps(kept, ensure_ascii=False))
        return
    for one in made:
        typer.echo(f"{one['path']}: {one['where']}")


@app.command("list")
def list_(tenant: Tenant = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Sites, their networks, and how their tunnels are."""
    with _hub(data_dir, tenant) as hub:
        sites = hub.get("/sites")
    if as_json:
        typer.echo(json.dumps(sites, ensure_ascii=False))
        return
    table = Table("name", "place", "networks", "interface", "tunnel", box=None)
    for one in sites:
        table.add_row(
            one["name"], one["title"], ", ".join(one["networks"]), one["interface"],
            _tunnel(one["tunnel"]),
        )  # fmt: skip
    Console().print(table)


@app.command()
def show(
    name: Name, tenant: Tenant = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """One site: addresses, networks, public keys, and how its tunnel is."""
    with _hub(data_dir, tenant) as hub:
        one = hub.get(f"/sites/{quote(name, safe='')}")
    if as_json:
        typer.echo(json.dumps(one, ensure_ascii=False))
        return
    tunnel = one["tunnel"]
    for label, value in {
        "place": one["title"],
        "tunnel": _tunnel(tunnel),
        "received, sent": f"{tunnel['received']}, {tunnel['sent']} bytes",
        "networks": ", ".join(one["networks"]) or "none",
        "reaches at home": ", ".join(["the hub", *one["home"]]),
        "finds the home at": one["endpoint"],
        "is found at": one["site_endpoint"] or tunnel["endpoint"] or "it dials",
        "the hub's end": f"{one['hub_address']} on {one['interface']}, key {one['hub_key']}",
        "its end": f"{one['site_address']}, key {one['site_key']}",
        "made by": one["made_by"],
    }.items():
        typer.echo(f"{label + ':':19}{value}")


@app.command()
def remove(name: Name, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Forget a site. Its place and devices stay; take the tunnel down on both ends."""
    with _hub(data_dir, tenant) as hub:
        interface = hub.get(f"/sites/{quote(name, safe='')}")["interface"]
        hub.delete(f"/sites/{quote(name, safe='')}")
    typer.echo(
        f"site {name} is removed; end its tunnel here with "
        f"`systemctl disable --now wg-quick@{interface}`"
    )


def _tunnel(tunnel: dict[str, Any]) -> str:
    if tunnel["down_since"]:
        return f"down since {_local(tunnel['down_since'])}"
    if tunnel["handshake"]:
        return f"{tunnel['state']}, last handshake {_local(tunnel['handshake'])}"
    return str(tunnel["state"])


def _local(instant: str) -> str:
    """By this machine's clock."""
    at = datetime.fromisoformat(instant).astimezone()
    return Clock(datetime.now(at.tzinfo), at.tzinfo).at(at)


gateway_commands.mount(app)
network_commands.mount(app)
