"""`dormouse explain`: why a device is offline, silent or not updated."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.show import Clock
from contracts.zones import zone_of
from hub.client import HubClient, Json
from hub.settings import load

__all__ = ["explain", "mount"]

_STYLES = {"bad": "red", "warning": "yellow", "fine": ""}


def mount(root: typer.Typer) -> None:
    """Add `explain` to the command line."""
    root.command()(explain)


def explain(
    device: Annotated[
        str | None, typer.Argument(help="its name or id; without one: all that need attention")
    ] = None,
    *,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="whose devices, instead of the hub's own tenant")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say why a device is offline, silent or not updated."""
    with HubClient(load(data_dir=data_dir), "dormouse explain", tenant=tenant) as hub:
        if device is None:
            answer = hub.get("/problems")
        else:
            answer = hub.get(f"/devices/{quote(hub.device(device), safe='')}/explain")
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    elif device is None:
        _problems(answer)
    else:
        _chain(answer)


def _problems(problems: list[dict[str, Any]]) -> None:
    console = Console()
    for problem in problems:
        # Names and details come from devices: no markup is read from them.
        console.print(Text(f"{problem['name']}: {problem['text']}", _STYLES[problem["level"]]))
    if not problems:
        console.print("nothing needs attention")


def _chain(explanation: dict[str, Any]) -> None:
    console = Console()
    clock = Clock(datetime.now(UTC), zone_of(explanation["zone"]))
    named = explanation["name"] and explanation["name"] != explanation["device"]
    title = f"{explanation['name']} ({explanation['device']})" if named else explanation["device"]
    headline = explanation["headline"]
    console.print(
        Text(f"{title}: {headline['text']}", f"bold {_STYLES[headline['level']]}".strip())
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True, min_width=18)
    table.add_column(overflow="fold")
    for sentence in explanation["chain"]:
        at = clock.at(datetime.fromisoformat(sentence["at"]))
        style = _STYLES[sentence["level"]]
        table.add_row(Text(at, style), Text(sentence["text"], style))
    console.print(table)
