"""`dormouse rollout`: bring a version or settings to many devices."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.live import Live

from hub.client import DataDir, HubClient, Json, Tenant
from hub.device_settings.schema import parse
from hub.rollouts.model import RolloutOptions
from hub.rollouts.table import history_line, plan_table, rollouts_table, status_table
from hub.settings import load
from hub.zones.local_zone import local_zone

__all__ = ["app"]

app = typer.Typer(
    help="Bring firmware or settings to many devices, safely, whenever each one wakes.",
    no_args_is_help=True,
)

_EVERY_S: Final = 1.0
_OVER = {"done", "aborted"}

Number = Annotated[int, typer.Argument(help="the rollout's number")]


def _option(name: str, flag: str | None = None, default: str | None = None) -> Any:
    field = RolloutOptions.model_fields[name]
    unit = " s" if name.endswith("_s") else ""
    shown = default or f"{field.default}{unit}"
    return typer.Option(
        flag or f"--{name.replace('_', '-')}",
        help=f"{field.description} (default: {shown})",
        show_default=False,
    )


@app.command()
def start(
    version: Annotated[
        str | None,
        typer.Argument(help="version of the firmware, see `dormouse firmware list`"),
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="this device (name or id); may be repeated")
    ] = None,
    place: Annotated[str | None, typer.Option(help="devices of a place and all within")] = None,
    where: Annotated[
        str | None, typer.Option(help="devices by a jsonpath: '$.battery_mv > 2700'")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="all devices")] = False,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="settings instead of firmware: interval=600")
    ] = None,
    wifi: Annotated[
        str | None, typer.Option(help="a network to join instead of firmware; its key is asked for")
    ] = None,
    wifi_key_file: Annotated[
        typer.FileText | None, typer.Option(help="take the key from a file (- for the input)")
    ] = None,
    board: Annotated[str | None, typer.Option(help="the image for this board")] = None,
    image: Annotated[int | None, typer.Option(help="the image of this number")] = None,
    canary: Annotated[int | None, _option("canary")] = None,
    wave: Annotated[str | None, _option("wave")] = None,
    halt_at: Annotated[str | None, _option("halt_at")] = None,
    streams: Annotated[int | None, _option("streams")] = None,
    attempts: Annotated[int | None, _option("attempts")] = None,
    backoff: Annotated[float | None, _option("backoff_s", "--backoff")] = None,
    battery: Annotated[int | None, _option("battery_mv", "--battery")] = None,
    window: Annotated[list[str] | None, _option("windows", "--window", "any time")] = None,
    timezone: Annotated[str | None, _option("timezone", default="this machine's")] = None,
    patience: Annotated[float | None, _option("patience_s", "--patience")] = None,
    verify: Annotated[float | None, _option("verify_s", "--verify")] = None,
    reports: Annotated[int | None, _option("reports")] = None,
    awake_percent: Annotated[float | None, _option("awake_percent")] = None,
    heap_percent: Annotated[float | None, _option("heap_percent")] = None,
    gaps: Annotated[int | None, _option("gaps")] = None,
    downgrade: Annotated[
        bool, typer.Option("--downgrade", help="allow a version lower than the running one")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="only show waves and times")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="show it until it is over")] = False,
    as_json: Json = False,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Start a rollout: a canary first, then waves, each only when the one before is well."""
    given = {
        "canary": canary, "wave": wave, "halt_at": halt_at, "streams": streams,
        "attempts": attempts, "backoff_s": backoff, "battery_mv": battery, "windows": window,
        "timezone": timezone or local_zone(), "patience_s": patience, "verify_s": verify,
        "reports": reports, "awake_percent": awake_percent, "heap_percent": heap_percent,
        "gaps": gaps, "downgrade": downgrade or None,
    }  # fmt: skip
    request: dict[str, Any] = {
        "select": {"devices": [], "place": place, "where": where, "all": every},
        "version": version,
        "board": board,
        "image": image,
        "settings": _settings(setting, wifi, wifi_key_file),
        "options": {name: value for name, value in given.items() if value not in (None, [])},
    }
    with _hub(data_dir, tenant) as hub:
        request["select"]["devices"] = [hub.device(one) for one in device or ()]
        rollout = hub.post("/rollouts/plan" if plan else "/rollouts", request)
        if as_json:
            typer.echo(json.dumps(rollout, ensure_ascii=False))
        elif plan:
            Console().print(plan_table(rollout))
        else:
            many = len(rollout["devices"])
            typer.echo(f"rollout {rollout['id']}: {rollout['text']} to {many} devices")
        if follow and not plan:
            _follow(hub, rollout["id"])


@app.command("list")
def list_(as_json: Json = False, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """List rollouts, the newest first."""
    with _hub(data_dir, tenant) as hub:
        rollouts = hub.get("/rollouts")
    if as_json:
        typer.echo(json.dumps(rollouts, ensure_ascii=False))
    else:
        Console().print(rollouts_table(rollouts))


@app.command()
def status(
    number: Number,
    *,
    once: Annotated[bool, typer.Option("--once", help="show it once, do not follow")] = False,
    as_json: Json = False,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Show where a rollout stands, until it is over; Ctrl-C leaves it going on."""
    with _hub(data_dir, tenant) as hub:
        if as_json:
            typer.echo(json.dumps(_status(hub, number), ensure_ascii=False))
        elif once:
            Console().print(status_table(_status(hub, number)))
        else:
            _follow(hub, number)


@app.command()
def pause(number: Number, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Give no more commands and take back those that no device has taken."""
    _act(number, "pause", tenant, data_dir)


@app.command()
def resume(number: Number, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Go on after a pause, or after a halt in spite of its reason."""
    _act(number, "resume", tenant, data_dir)


@app.command()
def abort(number: Number, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """End a rollout; devices in the middle of an update are finished."""
    _act(number, "abort", tenant, data_dir)


@app.command()
def history(
    number: Number,
    device: Annotated[str | None, typer.Option(help="of this device alone (name or id)")] = None,
    *,
    as_json: Json = False,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Show everything that happened, oldest first."""
    with _hub(data_dir, tenant) as hub:
        query = {"device": hub.device(device, known=False)} if device else {}
        events = hub.get(f"/rollouts/{number}/history", **query)
    if as_json:
        typer.echo(json.dumps(events, ensure_ascii=False))
        return
    for event in events:
        typer.echo(history_line(event))


def _settings(
    assignments: list[str] | None, wifi: str | None, key_file: typer.FileText | None
) -> dict[str, object] | None:
    """What is to be set; None for firmware."""
    settings = dict(parse(one) for one in assignments or ())
    if wifi is not None:
        if key_file is not None:
            key = key_file.read().strip("\r\n")
        else:
            what = f"key of {wifi} (empty: open)"
            key = typer.prompt(what, default="", hide_input=True, show_default=False)
        settings["wifi"] = {"ssid": wifi, "key": key}
    return settings or None


def _follow(hub: HubClient, number: int) -> None:
    console = Console()
    rollout = _status(hub, number)
    with Live(status_table(rollout), console=console, auto_refresh=False) as live:
        while rollout["phase"] not in _OVER:
            time.sleep(_EVERY_S)
            rollout = _status(hub, number)
            live.update(status_table(rollout), refresh=True)


def _act(number: int, what: str, tenant: str | None, data_dir: Path | None) -> None:
    with _hub(data_dir, tenant) as hub:
        rollout = hub.post(f"/rollouts/{number}/{what}")
    typer.echo(f"rollout {number} is {rollout['phase']}")


def _status(hub: HubClient, number: int) -> dict[str, Any]:
    answer: dict[str, Any] = hub.get(f"/rollouts/{number}")
    return answer


def _hub(data_dir: Path | None, tenant: str | None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse rollout", tenant=tenant)
