"""`dormouse devices attributes`: what people note about a device."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub.client import DataDir, HubClient, Json, Tenant
from hub.settings import load

__all__ = ["attributes"]


def attributes(
    device: Annotated[str, typer.Argument(help="the device: its name or id")],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="to note: JSON, else taken as a text"),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", help="a name to take away; several times")
    ] = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what is noted about a device, or note something: room=attic, 'cells=[1.5, 1.4]'."""
    change: dict[str, Any] = dict(_value(text) for text in values or ())
    change |= dict.fromkeys(remove or ())
    with HubClient(load(data_dir=data_dir), "dormouse devices", tenant=tenant) as hub:
        path = f"/devices/{quote(hub.device(device), safe='')}"
        found = hub.patch(path, {"attributes": change}) if change else hub.get(path)
    if as_json:
        typer.echo(json.dumps(found["attributes"], ensure_ascii=False))
        return
    for name, value in sorted(found["attributes"].items()):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(f"{name}={text}")


def _value(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r}: write NAME=VALUE, as in room=attic")
    try:
        return name, json.loads(value, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return name, value


def _no_json(text: str) -> None:
    raise ValueError(text)  # Python would read NaN and Infinity
