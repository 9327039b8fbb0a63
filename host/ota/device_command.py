"""`dormouse ota device ID IMAGE`: one device through the hub, watched until it is done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape

from contracts.errors import VersionError
from contracts.event_lines import EventLines
from contracts.hub_client import ApiClient
from contracts.local_hub import NoHubError
from contracts.versions import Version
from host.as_json import JsonEvents
from host.errors import FileReadError
from host.keys_cli import KEY, KeyOption, PartitionsOption
from host.local_hub import hub_client
from host.ota.prepare import canned_update
from host.ota.store_cli import DataDir, Tenant, upload

__all__ = ["mount", "sentence"]

_EVERY_S = 0.3
_HUB_AWAY_S = 120.0  # a hub that is restarted takes up its rollouts where they were
_STATUS = {"updated": 0, "failed": 5, "skipped": 6}
_INTERRUPTED = 130


def mount(group: typer.Typer) -> None:
    """Add the command to the group `ota`."""
    group.command()(device)


def device(
    name: Annotated[str, typer.Argument(metavar="DEVICE", help="the device: its name or id")],
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="a version in the hub's store, or a file")
    ],
    *,
    version: Annotated[
        str | None, typer.Option(help="of an OTA build that does not say it: 1.2.3")
    ] = None,
    board: Annotated[str, typer.Option(help="that such a build is for; empty: any")] = "",
    downgrade: Annotated[bool, typer.Option("--downgrade", help="an older version too")] = False,
    battery_mv: Annotated[
        int, typer.Option("--battery-mv", min=0, max=65535, help="not below so many millivolt")
    ] = 0,
    attempts: Annotated[int, typer.Option(min=1, max=10, help="how often to try")] = 3,
    detach: Annotated[bool, typer.Option("--detach", help="do not wait for the end")] = False,
    key: KeyOption = KEY,
    partitions: PartitionsOption,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: JsonEvents = False,
) -> None:
    """Update one device at its next wake, through the hub, and watch how it goes.

    A file is put in the hub's store first; one that is not signed is signed here, with your key.
    """

    def put(file: Path) -> dict[str, Any]:
        canned = canned_update(file, key, partitions, version=version, board=board)
        return upload(data_dir, tenant, canned)

    image_choice = _image_choice(image, board, put)
    options = {
        "canary": 0,
        "reports": 0,
        "attempts": attempts,
        "battery_mv": battery_mv,
        "downgrade": downgrade,
    }
    with _hub(data_dir, tenant) as hub:
        name = hub.device(name)
        request = {"select": {"devices": [name]}, "options": options, **image_choice}
        started = hub.post("/rollouts", request)
    number = started["id"]
    events = EventLines(as_json=as_json)
    if detach:
        events.tell("started", f"{name}: {_goes_on(number)}", device=name, rollout=number)
        return
    console = Console(quiet=as_json)
    try:
        end = _watch(console, name, number, data_dir, tenant, events)
    except KeyboardInterrupt:
        typer.echo(f"\nno longer watching, but the update goes on: {_goes_on(number)}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        events.tell(end["state"], sentence(end), device=name, rollout=number)
    console.print(f"{name}: {escape(sentence(end))}", highlight=False, soft_wrap=True)
    raise typer.Exit(_STATUS[end["state"]])


def _image_choice(image: str, board: str, put: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """The image as a rollout names it: by version, or by its number once `put` in the store."""
    if Path(image).exists():
        return {"image": put(Path(image))["id"]}
    try:
        Version.parse(image)
    except VersionError:
        raise FileReadError(f"{image}: neither a file nor a version like 1.2.3") from None
    return {"version": image, **({"board": board} if board else {})}


def _watch(  # noqa: PLR0917  # as the command has them
    console: Console,
    name: str,
    number: int,
    data_dir: Path | None,
    tenant: str | None,
    events: EventLines,
) -> dict[str, Any]:
    """Show how it goes until the device is done; its last state."""
    last_brief = ""
    shown = console.status(f"{name}: ...") if console.is_terminal else None
    with shown or contextlib.nullcontext():
        for rollout in _states(number, data_dir, tenant):
            (now,) = rollout["devices"]
            if now["state"] in _STATUS:
                return dict(now)
            text = sentence(now, rollout)
            if shown is not None:
                shown.update(f"{name}: {escape(text)}")
            elif (brief := text.partition(" (")[0]) != last_brief:
                last_brief = brief
                if events.as_json:
                    facts = {"device": name, "rollout": number, "progress": now["progress"]}
                    events.tell(now["state"], text, **facts)
                console.print(f"{name}: {text}", highlight=False, markup=False, soft_wrap=True)
    raise AssertionError  # pragma: no cover  # the states do not end


def _states(number: int, data_dir: Path | None, tenant: str | None) -> Iterator[dict[str, Any]]:
    """What the hub says of a rollout, again and again; through a restart of the hub too."""
    away = time.monotonic() + _HUB_AWAY_S
    while True:
        try:
            with _hub(data_dir, tenant) as hub:
                while True:
                    rollout = hub.get(f"/rollouts/{number}")
                    away = time.monotonic() + _HUB_AWAY_S
                    yield rollout
                    time.sleep(_EVERY_S)
        except NoHubError:
            if time.monotonic() > away:
                raise
            time.sleep(_EVERY_S)


def sentence(device: dict[str, Any], rollout: dict[str, Any] | None = None) -> str:
    """Where a device stands, for a person; what changes all the time in brackets."""
    state, reason = device["state"], device["reason"]
    if state == "pending" and rollout and rollout["phase"] != "running":
        return f"the rollout is {rollout['phase']}: {rollout['reason']}"
    if state == "pending":
        when = _time(device["not_before"])
        return f"{reason or 'waiting'}" + (f"; tried again at {when}" if when else "")
    if state == "commanded":
        last_heard, expected = _time(device["heard_at"]), _time(device["expected_at"])
        status = f"asleep, last heard at {last_heard}" if last_heard else "never heard yet"
        done = f" (done at about {expected})" if expected else ""
        return f"waiting for its wake: {status}{done}"
    if state == "updating":
        return _streaming(device["progress"])
    return {
        "accepted": "accepted, waiting for a free stream",
        "verifying": "verifying: everything was sent, waiting for its first report",
        "updated": f"updated, runs {device['firmware'] or 'the new version'}",
    }.get(state, f"{state}: {reason}")


def _streaming(progress: dict[str, Any] | None) -> str:
    if not progress or not progress["done"]:
        return "accepted, go-ahead sent, waiting for its OTA server"
    percent = 100 * progress["done"] // progress["total"]
    tens = percent // 10 * 10
    left = progress["seconds_left"]
    rest = f", {left:.0f} s left" if left is not None else ""
    again = ", began anew" if progress["restarts"] else ""
    return f"streaming {tens} % ({percent} %, {decimal(int(progress['rate']))}/s{rest}{again})"


def _goes_on(number: int) -> str:
    return (
        f"rollout {number}; `dormouse rollout status {number}` shows it, "
        f"`dormouse rollout abort {number}` ends it"
    )


def _hub(data_dir: Path | None, tenant: str | None) -> ApiClient:
    return hub_client(data_dir, "dormouse ota device", tenant=tenant)


def _time(iso: str | None) -> str | None:
    """The local time of day."""
    return f"{datetime.fromisoformat(iso).astimezone():%H:%M:%S}" if iso else None
