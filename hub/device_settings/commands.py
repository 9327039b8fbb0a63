"""`dormouse config`: the settings requested for a device, and whether it runs them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.client import DataDir, HubClient, Json
from hub.device_settings.schema import SETTINGS, parse
from hub.settings import load

__all__ = ["app"]

_NAMES = ", ".join(f"{s.name} ({s.unit})" if s.unit else s.name for s in SETTINGS.values())

app = typer.Typer(
    help="Settings requested for devices, which apply them when they wake.", no_args_is_help=True
)

Device = Annotated[str, typer.Argument(help="the device: its name or id")]


@app.command()
def show(device: Device, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show the settings requested for a device, since when, and whether it runs them."""
    with HubClient(load(data_dir=data_dir), "dormouse config") as hub:
        device = hub.device(device)
        path = f"/devices/{quote(device, safe='')}/settings"
        state = {**hub.get(path), "history": hub.get(f"{path}/versions")}
    if as_json:
        typer.echo(json.dumps(state, ensure_ascii=False))
        return
    console = Console()
    table = Table(box=None, show_header=False)
    for name, value in state["desired"].items():
        table.add_row(name, _value(name, value))
    console.print(
        table if state["desired"] else f"no settings are requested for {device}", highlight=False
    )
    console.print(_standing(state), highlight=False)
    for version in state["history"][1:]:
        settings = ", ".join(f"{n}={_value(n, v)}" for n, v in version["settings"].items())
        at = _local(version["at"])
        console.print(f"  version {version['version']}, {at}: {settings or '-'}", highlight=False)


@app.command("set", help=f"Request settings for a device: name=value. There are {_NAMES}.")
def set_(
    device: Device,
    assignments: Annotated[
        list[str] | None, typer.Argument(help="interval=600 ...; `interval=` withdraws it")
    ] = None,
    *,
    wifi: Annotated[
        str | None, typer.Option("--wifi", help="name of a network to join; its key is asked for")
    ] = None,
    wifi_key_file: Annotated[
        typer.FileText | None,
        typer.Option("--wifi-key-file", help="take the key from a file (- for the input)"),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Request settings for a device."""
    settings = dict(parse(assignment) for assignment in assignments or ())
    if wifi is not None:
        key = (
            wifi_key_file.read().removeprefix("\ufeff").strip("\r\n")
            if wifi_key_file
            else typer.prompt(f"key of {wifi} (empty: open)", default="", hide_input=True,
                              show_default=False)
        )  # fmt: skip
        settings["wifi"] = {"ssid": wifi, "key": key}
    with HubClient(load(data_dir=data_dir), "dormouse config") as hub:
        device = hub.device(device)
        state = hub.patch(f"/devices/{quote(device, safe='')}/settings", {"settings": settings})
    if as_json:
        typer.echo(json.dumps(state, ensure_ascii=False))
    else:
        Console().print(_standing(state), highlight=False)


def _standing(state: dict[str, Any]) -> str:
    """Requested against reported, in a sentence."""
    if state["version"] is None:
        return "it runs what it was set up with"
    since = f"version {state['version']}, requested since {_local(state['desired_at'])}"
    if state["waiting"]:
        runs = state["reported"]
        return f"{since}; the device runs {f'version {runs}' if runs else 'none of these'} yet"
    at = f" (since {_local(state['reported_at'])})" if state["reported_at"] else ""
    problem = f", but says: {escape(state['problem'])}" if state["problem"] else ""
    return f"{since}; the device runs it{at}{problem}"


def _value(name: str, value: Any) -> str:
    if name == "wifi":
        return escape(f"{value['ssid']} (key {value['key'] or 'none'})")
    unit = SETTINGS[name].unit if name in SETTINGS else ""
    return escape(f"{value} {unit}".strip())


def _local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M:%S}"
