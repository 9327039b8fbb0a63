"""`dormouse doctor`: what is the matter with this machine, without a hub that runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from contracts.local_hub import USUAL_PORTS
from host.install_check import InstallVerdict, examine
from host.local_hub import data_folder

__all__ = ["app"]

app = typer.Typer(help="What this machine lacks.", no_args_is_help=True)

_MARKS = {
    InstallVerdict.GOOD: "[green]good   [/]",
    InstallVerdict.NOTE: "[yellow]note   [/]",
    InstallVerdict.MISSING: "[red]MISSING[/]",
}


@app.callback()
def doctor() -> None:
    """Look at this machine; `dormouse hub doctor` looks at a hub that runs."""


@app.command()
def install(
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="the hub's folder [env: DORMOUSE_DATA_DIR]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Say what a hub needs of this machine and what is missing; exit status 1 if anything is."""
    ports = {
        name.upper(): int(os.environ.get(f"DORMOUSE_{name.upper()}", port))
        for name, port in USUAL_PORTS.items()
    }
    findings = list(examine(data_folder(data_dir), ports))
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in findings], ensure_ascii=False))
    else:
        console = Console()
        for one in findings:
            console.print(f"{_MARKS[one.verdict]} {escape(one.what)}: {escape(one.detail)}")
    lacking = sum(one.verdict is InstallVerdict.MISSING for one in findings)
    raise typer.Exit(1 if lacking else 0)
