"""`dormouse hub`, `dormouse status`."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from contracts.banner import banner
from contracts.status_table import status_table
from hub.client import HubClient, Json
from hub.devices.commands import gaps
from hub.doctor.commands import doctor
from hub.flags import with_settings
from hub.imports.commands import import_history, imports
from hub.maintenance.commands import backup, db_recreate, restore
from hub.readings.commands import export, keep, retention
from hub.removals.commands import removals, remove
from hub.settings import Settings, load, schema
from hub.upkeep.commands import hub_status

__all__ = ["mount"]

_SETTINGS_PAGE = """\
# Settings of the hub

Each is a flag of `dormouse hub` and an environment variable; the flag wins. Commands that talk to
a running hub need `--data-dir`, or its variable, only where the hub's folder is not the default.
This page is what `dormouse hub settings --markdown` prints.

| name | flag | variable | default | allowed | what |
| --- | --- | --- | --- | --- | --- |
"""

hub_commands = typer.Typer(help="The hub: broker, Postgres, HomeKit.")


def run(context: typer.Context, **flags: str | None) -> None:
    """Run the hub until Ctrl-C: Postgres, broker, listener and HomeKit bridge in one process."""
    if context.invoked_subcommand is not None:
        return
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    asyncio.run(_serve(load(**flags)))


async def _serve(settings: Settings) -> None:
    from hub.app import Hub  # noqa: PLC0415  # the other commands need not load all of the hub

    hub = Hub(settings)
    async with hub:
        banner(Console(), hub.facts, await hub.first_link())
        await hub.until_stopped()


def status(*, as_json: Json = False, **flags: str | None) -> None:
    """Show devices, last values, their age, and battery."""
    answer: dict[str, Any] = HubClient(load(**flags), "dormouse status").get("/status")
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        Console().print(status_table(answer))


def settings(
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="as docs/settings.md has them")
    ] = False,
) -> None:
    """List the settings: name, flag, environment variable, default, what is allowed."""
    if markdown:
        rows = [
            f"| {s.name} | `{s.flag}` | `{s.variable}` | {s.default} | {s.allowed} "
            f"| {s.description} |"
            for s in schema()
        ]
        typer.echo(_SETTINGS_PAGE + "\n".join(rows))
        return
    table = Table("flag", "environment variable", "default", "allowed", "what")
    for s in schema():
        table.add_row(s.flag, s.variable, s.default, s.allowed, s.description)
    Console().print(table)


def mount(app: typer.Typer) -> None:
    """Add the hub's commands to the root command."""
    for command in (
        retention,
        keep,
        backup,
        restore,
        export,
        gaps,
        remove,
        removals,
        imports,
        settings,
    ):
        hub_commands.command()(command)
    hub_commands.command("import")(import_history)
    hub_commands.command("db-recreate")(db_recreate)
    hub_commands.command("status")(hub_status)
    hub_commands.callback(invoke_without_command=True)(with_settings(run))
    hub_commands.command("doctor")(with_settings(doctor, "data_dir"))
    app.add_typer(hub_commands, name="hub")
    app.command()(with_settings(status, "data_dir"))
