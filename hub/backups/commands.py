"""`dormouse hub backup`, `backups` and `backup-key`; `restore` is in restore_command."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.client import DataDir, HubClient, Json
from hub.errors import HubError
from hub.settings import Settings, load

__all__ = ["backup", "backup_key", "backups", "how_it_went", "run_to_its_end"]

_LOOK_S = 0.5


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="instead of where the daily one is taken")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Back up now: to where daily backups are taken, or to FILE, which is tried by restoring it."""
    settings = load(data_dir=data_dir)
    if file is not None:
        run_to_its_end(_to_file(settings, file))
        return
    with HubClient(settings, "dormouse hub backup") as hub:
        hub.post("/backups")
        state = _awaited(hub)
    if state["failure"]:
        raise HubError(f"the backup failed: {state['failure']['reason']}")
    good = state["last_good"]
    typer.echo(f"{good['name']}: {good['rows']} rows, at {state['where']}")
    if state["drill"] and not state["drill"]["passed"]:
        raise HubError(f"it could not be restored beside: {state['drill']['reason']}")


async def _to_file(settings: Settings, file: Path) -> None:
    from hub.database.attach import attached  # noqa: PLC0415  # starts faster
    from hub.database.backup import backup as make  # noqa: PLC0415  # starts faster
    from hub.database.errors import DatabaseError  # noqa: PLC0415  # starts faster

    async with attached(settings) as found:
        if found.postgres is None:
            raise DatabaseError("DORMOUSE_DATABASE_URL: back up that Postgres with pg_dump")
        contents = await make(found.postgres, file)
    typer.echo(f"{file}: {sum(rows for rows, _ in contents.values())} rows, checked")


def backups(
    drill: Annotated[
        bool, typer.Option("--drill", help="first restore the newest beside, and compare")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List backups: the last good one, whether one could be restored, what failed."""
    with HubClient(load(data_dir=data_dir), "dormouse hub backups") as hub:
        if drill:
            hub.post("/backups/drill")
            _awaited(hub)
        found = hub.get("/backups")
    typer.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))
    if found["trouble"]:
        raise typer.Exit(1)


def backup_key(
    make: Annotated[bool, typer.Option("--make", help="make one if there is none")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the key that opens encrypted backups, on a terminal: keep it elsewhere as well."""
    from hub.backups.configured import age_key  # noqa: PLC0415  # starts faster

    key = age_key(load(data_dir=data_dir))
    if make:
        key.ensure()
    secret = key.text()
    if not sys.stdout.isatty():
        raise HubError(f"the key is shown on a terminal alone; it is in {key.path}")
    typer.echo(secret)


def _awaited(hub: HubClient) -> Any:
    """The state when nothing is done any more."""
    while (state := hub.get("/backups/state"))["doing"]:
        time.sleep(_LOOK_S)
    return state


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for one in found["there"]:
        whose = "" if one["ours"] else ", another hub's"
        sealed = ", encrypted" if one["encrypted"] else ""
        yield f"{one['name']}: {_local(one['at'])}{sealed}{whose}"
    if found["problem"]:
        yield f"what there is cannot be seen: {found['problem']}"
    elif not found["there"]:
        yield f"{found['where']}: no backup yet"
    yield from _how_they_went(found)
    if found["doing"]:
        yield f"just now: {found['doing']}"
    if found["next_at"]:
        yield f"next: {_local(found['next_at'])}"
    elif not found["by_itself"]:
        yield "none is made by itself"


def _how_they_went(found: dict[str, Any]) -> Iterator[str]:
    good, failure, drill = found["last_good"], found["failure"], found["drill"]
    if good:
        yield f"last good one: {_local(good['at'])}, {good['size'] / 1e6:.1f} MB"
    if failure:
        yield (
            f"failed {failure['times']} times since {_local(failure['since'])}: {failure['reason']}"
        )
    if found["waiting"]:
        yield f"{len(found['waiting'])} wait in the data folder for {found['where']}"
    if drill:
        yield f"restored beside and compared: {_local(drill['at'])}, {how_it_went(drill)}"


def how_it_went(drill: dict[str, Any]) -> str:
    """What a drill read, or why it failed, of the API's answer."""
    if not drill["passed"]:
        return f"failed: {drill['reason']}"
    return f"passed: {drill['name']}, {drill['rows']} rows"


def _local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M %Z}"


def run_to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Run it; SIGTERM ends it as Ctrl-C does, so that it leaves nothing half done."""

    async def until_ended() -> None:
        task = asyncio.current_task()
        if task is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await work

    try:
        asyncio.run(until_ended())
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None
