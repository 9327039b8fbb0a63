"""`dormouse hub remove` and `removals`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from hub.client import DataDir, HubClient, local_instant
from hub.settings import load

__all__ = ["removals", "remove"]

_Tenant = Annotated[str | None, typer.Option("--tenant", help="whose; the setting TENANT else")]


def remove(
    what: Annotated[
        str,
        typer.Argument(help="a device (name or id), or a series: device/Service/Characteristic"),
    ],
    at: Annotated[
        str | None, typer.Option(help="one reading, by its time: 2026-03-01T12:00:05, local")
    ] = None,
    since: Annotated[str | None, typer.Option(help="with --until: those of a span")] = None,
    until: Annotated[str | None, typer.Option(help="which itself does not go")] = None,
    why: Annotated[str, typer.Option(help="goes into the trail")] = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="without being asked")] = False,
    tenant: _Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Remove readings, a series, or a device with all that is its own, for good."""
    times = {name: local_instant(name, text) for name, text in
             (("at", at), ("since", since), ("until", until)) if text}  # fmt: skip
    with HubClient(load(data_dir=data_dir), "dormouse hub remove", tenant=tenant) as hub:
        what = hub.series(what)
        path, query = _address(what, times)
        query |= {"why": why} if why else {}
        if not yes:
            question = f"Remove {_described(what, times)} for good?"
            typer.confirm(question, abort=True, err=True)
        typer.echo(_sentence(hub.delete(path, **query)))


def removals(
    device: Annotated[str | None, typer.Argument(help="of one device; of all otherwise")] = None,
    tenant: _Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Show what was removed, by whom and why, the newest first."""
    with HubClient(load(data_dir=data_dir), "dormouse hub removals", tenant=tenant) as hub:
        query = {"device": hub.device(device, known=False)} if device else {}
        found = hub.get("/removals", **query)
    for one in found:
        typer.echo(f"{_local(one['at'])} {one['who']}: {_sentence(one)}")
    if not found:
        typer.echo("nothing was removed")


def _address(what: str, times: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Path and query below /api."""
    if "/" not in what:
        if times:
            raise typer.BadParameter("times are of a series: device/Service/Characteristic")
        return f"/devices/{quote(what, safe='')}", {}
    if times and times.keys() not in ({"at"}, {"since", "until"}):
        raise typer.BadParameter("give --at, or --since and --until")
    return "/readings" if times else "/series", {"series": what, **times}


def _described(what: str, times: dict[str, str]) -> str:
    if "/" not in what:
        return f"the device {what} with all that is its own"
    if "at" in times:
        return f"the reading of {what} of {times['at']}"
    span = f" from {times['since']} until {times['until']}" if times else ""
    return f"all readings of {what}{span}"


def _sentence(one: dict[str, Any]) -> str:
    name = one["device"] + (f"/{one['series']}" if one["series"] else "")
    span = ""
    if one["what"] == "reading":
        span = f" of {_local(one['since'])}"
    elif one["since"]:
        span = f" from {_local(one['since'])} until {_local(one['until'])}"
    count = f"{one['readings']} reading{'' if one['readings'] == 1 else 's'}"
    text = f"{name}{span} removed: {count}"
    if one["bins_kept"]:
        text += (
            f"; {one['bins_kept']} bins at its ends stay as they are, since their readings "
            "were gone before"
        )
    if one["why"]:
        text += f" ({one['why']})"
    return text if one["finished_at"] else f"{text}, not finished"


def _local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M:%S %Z}"
