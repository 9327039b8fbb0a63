"""`dormouse firmware add|list|show|remove`: the images that the hub hands out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from contracts.hub_client import ApiClient
from host.keys_cli import KEY, KeyOption, PartitionsOption
from host.local_hub import hub_client
from host.ota.prepare import canned_update

__all__ = ["mount", "upload"]

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
]
Tenant = Annotated[str | None, typer.Option("--tenant", help="instead of the hub's own tenant")]
Which = Annotated[str, typer.Argument(metavar="VERSION", help="or its number in the list")]
Board = Annotated[str | None, typer.Option(help="where a version is there for several")]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON, for programs")]


def mount(group: typer.Typer) -> None:
    """Add the commands to the group `firmware`."""
    group.command()(add)
    group.command("list")(list_)
    group.command()(show)
    group.command()(remove)


def upload(
    data_dir: Path | None, tenant: str | None, canned: bytes, notes: str = ""
) -> dict[str, Any]:
    """Put a canned file in the hub's store; the image as it is kept. Raises HubRefusedError."""
    with _hub(data_dir, tenant) as hub:
        stored: dict[str, Any] = hub.call(
            "POST", "/firmware", content=canned, params={"notes": notes}
        )
        return stored


def _hub(data_dir: Path | None, tenant: str | None) -> ApiClient:
    return hub_client(data_dir, "dormouse firmware", tenant=tenant)


def _find(hub: ApiClient, which: str, board: str | None) -> dict[str, Any]:
    """An image, by its number or its version."""
    parameters = {"board": board} if board else {}
    return _shown(hub.get(f"/firmware/{quote(which, safe='')}", **parameters))


def _shown(image: dict[str, Any]) -> dict[str, Any]:
    """An image by the names that these commands print."""
    return {("added_at" if name == "added" else name): value for name, value in image.items()}


def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a signed .ota, or an OTA build")],
    *,
    notes: Annotated[str, typer.Option(help="what is new in it")] = "",
    version: Annotated[
        str | None, typer.Option(help="of an OTA build that does not say it: 1.2.3")
    ] = None,
    board: Annotated[str, typer.Option(help="that such a build is for; empty: any")] = "",
    key: KeyOption = KEY,
    partitions: PartitionsOption,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Put an image in the hub's store; one that is not signed is signed here, with your key.

    The hub gets the signed file only: keys stay where they are.
    """
    canned = canned_update(file, key, partitions, version=version, board=board)
    image = upload(data_dir, tenant, canned, notes)
    typer.echo(
        f"{image['version']} for {image['board'] or 'any board'}: number {image['id']}, "
        f"{image['size']} bytes, key {image['key']}"
    )


def list_(tenant: Tenant = None, data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """The images in the hub's store, the newest first."""
    with _hub(data_dir, tenant) as hub:
        images = [_shown(image) for image in hub.get("/firmware")]
    if as_json:
        typer.echo(json.dumps(images, ensure_ascii=False))
        return
    table = Table("number", "version", "board", "size", "key", "added", "notes", box=None)
    for image in images:
        table.add_row(
            str(image["id"]),
            Text(image["version"]),
            Text(image["board"] or "any"),
            decimal(image["size"]),
            image["key"],
            image["added_at"][:16].replace("T", " "),
            Text(image["notes"].partition("\n")[0]),
        )
    Console().print(table)


def show(
    which: Which,
    *,
    board: Board = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """All there is to say about an image."""
    with _hub(data_dir, tenant) as hub:
        image = _find(hub, which, board)
    if as_json:
        typer.echo(json.dumps(image, ensure_ascii=False))
        return
    for name, value in image.items():
        typer.echo(f"{name + ':':<10} {value if value != '' else '-'}")


def remove(
    which: Which, *, board: Board = None, tenant: Tenant = None, data_dir: DataDir = None
) -> None:
    """Take an image out of the hub's store; refused while a rollout uses it."""
    with _hub(data_dir, tenant) as hub:
        image = _find(hub, which, board)
        hub.delete(f"/firmware/{image['id']}")
    typer.echo(f"{image['version']} for {image['board'] or 'any board'} is removed")
