"""`dormouse service`: the hub as a service of this machine."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from host.service.errors import ServiceError
from host.service.installation import Installation
from host.service.unit import ServicePlace

__all__ = ["app"]

app = typer.Typer(help="The hub as a service of systemd's.", no_args_is_help=True)

_Root = Annotated[
    Path, typer.Option("--root", help="below this folder instead: nothing is started then")
]
_Dry = Annotated[bool, typer.Option("--dry-run", help="only say what would be done")]


@app.command()
def install(
    *,
    user: Annotated[str, typer.Option(help="the user it runs as; made if need be")] = "dormouse",
    data_dir: Annotated[Path, typer.Option(help="where its data is to lie")] = Path(
        "/var/lib/dormouse"
    ),
    program: Annotated[
        Path | None, typer.Option(help="the `dormouse` to run [this one]", show_default=False)
    ] = None,
    start: Annotated[bool, typer.Option(help="start it now")] = True,
    dry_run: _Dry = False,
    root: _Root = Path("/"),
) -> None:
    """Install and start it; after an upgrade, bring it up to date."""
    place = ServicePlace(program or _this(), user, data_dir)
    Installation(root.absolute(), typer.echo, dry=dry_run).install(place, start=start)
    if not dry_run:
        typer.echo("installed: `dormouse service status`, `journalctl -u dormouse`")


@app.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, for programs")] = False,
    root: _Root = Path("/"),
) -> None:
    """Show whether it is installed and runs; exit status 3 where it does not run."""
    found = Installation(root.absolute(), typer.echo).state()
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        typer.echo(f"{found.active}, {found.enabled}: {found.program} as {found.user}")
        typer.echo(f"data in {found.data_dir}")
    if found.active not in {"active", "unknown"}:
        raise typer.Exit(3)


@app.command()
def remove(
    *,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="readings, settings, everything, too")
    ] = False,
    dry_run: _Dry = False,
    root: _Root = Path("/"),
) -> None:
    """Stop it and take it away; its data stays unless told."""
    Installation(root.absolute(), typer.echo, dry=dry_run).remove(delete_data=delete_data)


def _this() -> Path:
    """The program beside the Python that runs this."""
    found = Path(sys.executable).parent / "dormouse"
    if not found.exists():
        raise ServiceError(f"there is no {found}: name the program with --program")
    return found.absolute()
