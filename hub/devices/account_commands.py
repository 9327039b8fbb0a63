"""`dormouse devices`: who may connect."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from contracts.zones import LocalTimeError, instant_of_local, zone_of, zoned
from hub.client import DataDir, HubClient, Json, Tenant
from hub.devices.attribute_commands import attributes
from hub.devices.commands import devices
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(
    help="Accounts at the broker: list, approve, disable, remove.", no_args_is_help=True
)
app.callback(invoke_without_command=True)(devices)
app.command()(attributes)

Device = Annotated[str, typer.Argument(help="the device's id")]
Named = Annotated[str, typer.Argument(help="the device: its name or id; a viewer's account")]


def _hub(data_dir: Path | None, tenant: str | None = None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse devices", tenant=tenant)


def _account(device: str) -> str:
    return f"/accounts/{quote(device, safe='')}"


@app.command("list")
def list_(
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Accounts, devices that ask for one, and refused enrolments."""
    with _hub(data_dir) as hub:
        accounts: dict[str, Any] = hub.get("/accounts")
    if as_json:
        typer.echo(json.dumps(accounts, ensure_ascii=False))
        return
    table = Table("device", "tenant", "state", "model", "firmware", "problems", box=None)
    for account in accounts["accounts"]:
        problems = ", ".join(f"{kind}: {count}" for kind, count in account["problems"].items())
        table.add_row(
            account["name"],
            account["tenant"],
            _state(account),
            account["model"],
            account["firmware"],
            problems,
        )
    for asking in accounts["asking"]:
        table.add_row(asking["name"], "", "asks to enrol", asking["model"], asking["firmware"], "")
    console = Console()
    console.print(table)
    console.print(_enrolment(accounts))


def _state(account: dict[str, Any]) -> str:
    if account["role"] == "device":
        return str(account["state"])
    return "viewer, commands" if account["commands"] else "viewer"


def _enrolment(accounts: dict[str, Any]) -> str:
    window = accounts["window"]
    if window:
        return f"enrolment open for {window['tenant']}, {-(-window['seconds'] // 60)} minutes left"
    return f"enrolment: {accounts['enrolment']}"


@app.command()
def window(
    minutes: Annotated[float, typer.Argument(help="how long; 0 closes it")] = 10,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Let new devices enrol for some minutes."""
    with _hub(data_dir, tenant) as hub:
        answer = hub.post("/enrolment/window", {"minutes": minutes})
    if minutes:
        typer.echo(f"new devices may enrol into {answer['tenant']} for {minutes:g} minutes")
    else:
        typer.echo("the window is closed")


@app.command()
def approve(device: Device, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Make the account of a device that asked while enrolment was closed."""
    with _hub(data_dir, tenant) as hub:
        hub.post(f"{_account(device)}/approve")
    typer.echo(f"{device} may connect")


@app.command()
def add(
    device: Device,
    tenant: Tenant = None,
    password_file: Annotated[
        typer.FileText | None,
        typer.Option("--password-file", help="take the password from a file (- for the input)"),
    ] = None,
    commands: Annotated[
        bool, typer.Option("--commands", help="a viewer that may also command devices")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make an account beforehand, for a device or a viewer (viewer, viewer.<who>)."""
    password = password_file.read().strip() if password_file else None
    with _hub(data_dir, tenant) as hub:
        answer = hub.post(_account(device), {"password": password, "commands": commands})
    if password is None:
        typer.echo(f"{device} may connect with the password {answer['password']}")
    else:
        typer.echo(f"{device} may connect")


@app.command()
def disable(device: Named, data_dir: DataDir = None) -> None:
    """Disable a device's account, at once; its readings stay."""
    with _hub(data_dir) as hub:
        device = hub.device(device, known=False)
        hub.post(f"{_account(device)}/disable")
    typer.echo(f"{device} may not connect any more")


@app.command()
def enable(device: Named, data_dir: DataDir = None) -> None:
    """Enable a device's account again."""
    with _hub(data_dir) as hub:
        device = hub.device(device, known=False)
        hub.post(f"{_account(device)}/enable")
    typer.echo(f"{device} may connect")


@app.command()
def renew(
    device: Named,
    minutes: Annotated[float, typer.Option(help="how long it may take")] = 60,
    data_dir: DataDir = None,
) -> None:
    """Let a device whose flash was erased enrol once with its new password."""
    with _hub(data_dir) as hub:
        device = hub.device(device, known=False)
        hub.post(f"{_account(device)}/renew", {"minutes": minutes})
    typer.echo(f"{device} may enrol once with a new password within {minutes:g} minutes")


@app.command()
def rotate(device: Named, data_dir: DataDir = None) -> None:
    """Give an account a new password, which is shown; the old one ends now."""
    with _hub(data_dir) as hub:
        device = hub.device(device, known=False)
        answer = hub.post(f"{_account(device)}/rotate")
    typer.echo(f"{device} may connect with the password {answer['password']}")


@app.command()
def replace(
    old: Annotated[str, typer.Argument(help="the device that broke: its name or id")],
    new: Annotated[str, typer.Argument(help="the one in its place: its name or id")],
    *,
    keep_calibration: Annotated[
        bool, typer.Option("--keep-calibration", help="what the old one was calibrated by goes on")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Put a new device in a broken one's place: its history goes on, HomeKit notices nothing."""
    with HubClient(load(data_dir=data_dir), "dormouse devices replace") as hub:
        old, new = hub.device(old), hub.device(new)
        body = {"new": new, "keep_calibration": keep_calibration}
        done = hub.post(f"/devices/{quote(old, safe='')}/replacement", body)
    typer.echo(f"{new} has taken the place of {old}")
    if done["apart"]:
        typer.echo(f"earlier readings of {new} are kept as {done['apart']}")
    if done["ended"]:
        typer.echo(f"the calibration of {old} ended with it: {', '.join(done['ended'])}")
    if not done["homekit"]:
        typer.echo(f"HomeKit did not show {old}")
    if done["shut_out"]:
        typer.echo(
            f"{old} may not connect any more; `dormouse devices enable {old}` enables it again, "
            "as a device of its own"
        )


@app.command()
def place(
    device: Annotated[str, typer.Argument(help="the device: its name or id")],
    path: Annotated[
        str | None, typer.Argument(help='"House / Kitchen"; it is made as far as it is missing')
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="when it came there: 2026-03-01T12:00, in the hub's zone; else now"),
    ] = None,
    until: Annotated[str | None, typer.Option(help="when it left there again")] = None,
    data_dir: DataDir = None,
) -> None:
    """Say where a device is, or was for a time; without a place show where it was when."""
    with HubClient(load(data_dir=data_dir), "dormouse devices place") as hub:
        device = hub.device(device, known=False)
        where = f"/devices/{quote(device, safe='')}"
        zone = zone_of(hub.get("/zone")["zone"])
        if path is not None:
            names = [name.strip() for name in path.split("/") if name.strip()]
            times = {"since": since, "until": until}
            body = {name: _instant(name, text, zone) for name, text in times.items() if text}
            hub.put(f"{where}/place", {"path": names, **body})
        for stay in hub.get(f"{where}/placements"):
            begin, end = (
                stay[name] and zoned(datetime.fromisoformat(stay[name]), zone, "%Y-%m-%d %H:%M %Z")
                for name in ("since", "until")
            )
            to = f"until {end}" if end else "on"
            typer.echo(f"{' / '.join(stay['place_path'])}: from {begin} {to}")


def _instant(name: str, text: str, zone: ZoneInfo) -> str:
    """ISO 8601 with an offset; a time without one is by the zone's clock."""
    try:
        return instant_of_local(text, zone).isoformat()
    except LocalTimeError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{name}") from None


@app.command()
def remove(device: Named, data_dir: DataDir = None) -> None:
    """Remove an account; its readings stay."""
    with _hub(data_dir) as hub:
        device = hub.device(device, known=False)
        hub.delete(_account(device))
    typer.echo(f"{device} has no account any more")
