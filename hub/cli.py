"""`dormouse hub`, `dormouse status`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from contracts.banner import banner
from contracts.event_lines import EventLines
from contracts.status_table import status_view
from hub.backups.commands import backup, backup_key, backups
from hub.backups.restore_command import restore
from hub.client import HubClient, Json
from hub.devices.commands import gaps
from hub.doctor.commands import doctor
from hub.doctor.network_command import network
from hub.flags import with_settings
from hub.imports.commands import import_history, imports
from hub.logs.commands import logs
from hub.maintenance.commands import db_recreate, downgrade
from hub.readings.commands import export, keep, retention
from hub.removals.commands import removals, remove
from hub.runtime.log_setup import events_to_stdout, log_to_stderr
from hub.runtime.standby import StandbyEndedError
from hub.self_update.commands import update
from hub.self_update.keeper import KEPT, KeeperPlan, become
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

# What opens the hub is for a terminal alone.
_SECRET = {"pairing_code", "setup_uri"}

hub_commands = typer.Typer(help="The hub: broker, Postgres, HomeKit.")


def run(
    context: typer.Context,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="an object a line: each event of docs/logs.md")
    ] = False,
    **flags: str | None,
) -> None:
    """Run the hub until Ctrl-C: Postgres, broker, listener and HomeKit bridge in one process."""
    if context.invoked_subcommand is not None:
        return
    settings = load(**flags)
    if settings.self_update and KEPT not in os.environ:
        become(KeeperPlan(settings.data_dir, settings.self_update_watch * 60, sys.argv[1:]))
    log_to_stderr(settings.log_level, settings.log_format)
    if as_json:
        events_to_stdout()
    asyncio.run(_serve(settings, as_json=as_json))


async def _serve(settings: Settings, *, as_json: bool) -> None:
    from hub.app import Hub  # noqa: PLC0415  # the other commands need not load all of the hub

    hub = Hub(settings)
    with contextlib.suppress(StandbyEndedError):
        async with hub:
            console = Console()
            if settings.is_worker:
                # Its log says what it does; codes and pages another worker may have.
                await hub.until_stopped()
                return
            if as_json:
                facts = {name: one for name, one in hub.facts.items() if name not in _SECRET}
                EventLines(as_json=True).tell("hub-ready", **facts)
            # What opens the hub goes to no log: who reads a terminal may have it.
            link = await hub.first_link() if console.is_terminal and not as_json else None
            if not as_json:
                banner(console, hub.facts, link)
            await hub.until_stopped()


def status(*, as_json: Json = False, **flags: str | None) -> None:
    """Show devices, last values, their age, and battery."""
    answer: dict[str, Any] = HubClient(load(**flags), "dormouse status").get("/status")
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        console = Console()
        console.print(status_view(answer, console.width))


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
        backups,
        backup_key,
        restore,
        downgrade,
        export,
        gaps,
        remove,
        removals,
        imports,
        settings,
        update,
    ):
        hub_commands.command()(command)
    hub_commands.command("import")(import_history)
    hub_commands.command("db-recreate")(db_recreate)
    hub_commands.command("status")(hub_status)
    hub_commands.callback(invoke_without_command=True)(with_settings(run))
    examined = typer.Typer(help="Try what must not work.")
    examined.callback(invoke_without_command=True)(with_settings(doctor, "data_dir"))
    examined.command("network")(network)
    hub_commands.add_typer(examined, name="doctor")
    app.add_typer(hub_commands, name="hub")
    app.command()(with_settings(status, "data_dir"))
    app.command()(logs)
