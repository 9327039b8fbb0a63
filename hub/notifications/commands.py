"""`dormouse notify`: what people are told, and where."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hub.client import DataDir, HubClient, Json, Tenant
from hub.notifications.model import ChannelKind
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(
    help="Notifications: rules in plain words, the inbox, where messages go.",
    no_args_is_help=True,
)
channels_app = typer.Typer(help="Where messages go: list, add, hours, remove.")
app.add_typer(channels_app, name="channels")

Which = Annotated[str, typer.Argument(help="its name or number")]
Quiet = Annotated[str | None, typer.Option(help="quiet hours, as in 22:00-07:00")]
Weekends = Annotated[bool, typer.Option("--weekends", help="quiet on Saturday and Sunday")]
Digest = Annotated[str | None, typer.Option(help="all of a day together, as in 07:30")]


def _hub(data_dir: Path | None, tenant: str | None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse notify", tenant=tenant)


def _print(found: object, *, as_json: bool) -> bool:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    return as_json


def _number(found: list[dict[str, Any]], which: str, noun: str) -> int:
    """The number of one by its name or number."""
    for one in found:
        if which in {one["name"], str(one["id"])}:
            number: int = one["id"]
            return number
    raise typer.BadParameter(f"no {noun} {which!r}: `dormouse notify {noun}s` lists them")


@app.command()
def rules(tenant: Tenant = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Rules, each as a sentence, and whom they tell."""
    with _hub(data_dir, tenant) as hub:
        found = hub.get("/notifications/rules")
    if _print(found, as_json=as_json):
        return
    table = _table("number", "rule", "tells", "")
    for one in found:
        state = "" if one["enabled"] else "off"
        table.add_row(
            str(one["id"]), one["sentence"], _tells(one), "urgent" if one["urgent"] else state
        )
    Console().print(table)


@app.command()
def add(  # noqa: PLR0917  # each a flag
    sentence: Annotated[
        str, typer.Argument(help="as in 'Cellar temperature below 3 °C for 20 min'")
    ],
    tell: Annotated[list[str] | None, typer.Option(help="a channel; several times")] = None,
    name: Annotated[str, typer.Option(help="else the sentence")] = "",
    urgent: Annotated[bool, typer.Option("--urgent", help="comes through quiet hours")] = False,
    escalate: Annotated[
        list[str] | None,
        typer.Option(help="a channel that is told next, where nobody has seen it; several times"),
    ] = None,
    after: Annotated[
        int | None, typer.Option(help="minutes, for --escalate", min=1, max=10080)
    ] = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Add a rule: what it tells of, after a place or a device.

    VALUE above or below, silent, battery low, unusual values; without a place rollout halted,
    backup failed, hub was away, tunnel down, disk nearly full. Behind it hours: between 22:00
    and 06:00.
    """
    body = {
        "sentence": sentence, "name": name, "tell": tell or [], "urgent": urgent,
        "escalate": escalate or [], "escalate_after_s": None if after is None else after * 60,
    }  # fmt: skip
    with _hub(data_dir, tenant) as hub:
        rule = hub.post("/notifications/rules", body)
        tried = hub.get(f"/notifications/rules/{rule['id']}/try")
    typer.echo(f"rule {rule['id']}: {rule['sentence']}; tells {_tells(rule)}")
    if tried["known"]:
        typer.echo(f"it {tried['said']}")


@app.command("try")
def try_(
    sentence: Annotated[str, typer.Argument(help="a rule, as for `add`")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What a rule would have told in the last 30 days; nothing is kept."""
    with _hub(data_dir, tenant) as hub:
        tried = hub.post("/notifications/rules/try", {"sentence": sentence})
    if _print(tried, as_json=as_json):
        return
    typer.echo(f"{tried['sentence']}: {tried['said']}")
    for one in tried["times"]:
        until = _minute(one["until"]) if one["until"] else "now"
        typer.echo(f"  {one['name']}: {_minute(one['since'])} to {until}")


@app.command()
def remove(rule: Which, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Forget a rule."""
    with _hub(data_dir, tenant) as hub:
        number = _number(hub.get("/notifications/rules"), rule, "rule")
        hub.delete(f"/notifications/rules/{number}")
    typer.echo(f"rule {number} is removed")


@app.command()
def inbox(
    only_open: Annotated[bool, typer.Option("--open", help="only what goes on")] = False,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What there was to tell: what goes on first, then the newest."""
    with _hub(data_dir, tenant) as hub:
        found = hub.get("/notifications", **({"open": "true"} if only_open else {}))
    if _print(found, as_json=as_json):
        return
    for one in found:
        ended = one["ended"] is not None
        state = (
            "over"
            if ended
            else f"seen by {one['acknowledged_by']}"
            if one["acknowledged"]
            else "open"
        )
        text = (one["ended_text"] or one["text"]) if ended else one["text"]
        typer.echo(f"{one['id']}\t{_minute(one['opened'])}\t{state}\t{one['name']}: {text}")


@app.command()
def ack(
    number: Annotated[list[int], typer.Argument(help="its number in the inbox; several")],
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Note that somebody saw it."""
    with _hub(data_dir, tenant) as hub:
        hub.post("/notifications/acknowledge", {"alerts": number})
    typer.echo("noted")


@app.command("test")
def send_test(channel: Which, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Send a message to a channel now."""
    with _hub(data_dir, tenant) as hub:
        number = _number(hub.get("/notifications/channels"), channel, "channel")
        message = hub.post(f"/notifications/channels/{number}/test", {})
    if message["sent"] is None:
        typer.echo(f"not delivered: {message['error']}", err=True)
        raise typer.Exit(1)
    typer.echo("sent")


@channels_app.callback(invoke_without_command=True)
def channels(
    context: typer.Context,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Where messages go, and whether they arrive."""
    if context.invoked_subcommand is not None:
        return
    with _hub(data_dir, tenant) as hub:
        found = hub.get("/notifications/channels")
    if _print(found, as_json=as_json):
        return
    table = _table("number", "name", "where", "quiet", "")
    for one in found:
        quiet = f"{one['quiet_from'][:5]}-{one['quiet_until'][:5]}" if one["quiet_from"] else ""
        state = (
            f"failed: {one['error']}" if one["failed"] else "works" if one["sent"] else "never used"
        )
        table.add_row(str(one["id"]), one["name"], one["shown"], quiet, state)
    Console().print(table)


@channels_app.command("add")
def add_channel(  # noqa: PLR0917  # each a flag
    name: Annotated[str, typer.Argument(help="what it is called")],
    webhook: Annotated[bool, typer.Option("--webhook", help="a signed webhook")] = False,
    address_file: Annotated[
        typer.FileText | None,
        typer.Option(help="take the address from a file (- for the input); else it is asked for"),
    ] = None,
    quiet: Quiet = None,
    weekends: Weekends = False,
    digest: Digest = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Add a channel. Its address is a secret, so it is no argument.

    ntfy://TOPIC, mailto://USER:PASSWORD@HOST, tgram://TOKEN/CHAT, pover://USER@TOKEN and a hundred
    more, see https://appriseit.com/services; with --webhook https://HOST/PATH.
    """
    if address_file is None:
        address = typer.prompt("Address (not shown)", hide_input=True)
    else:
        address = address_file.readline().strip()
    kind = ChannelKind.WEBHOOK if webhook else ChannelKind.APPRISE
    body = {"name": name, "kind": kind, "address": address, **_hours(quiet, digest, weekends)}
    with _hub(data_dir, tenant) as hub:
        made = hub.post("/notifications/channels", body)
    typer.echo(f"channel {made['id']}: {made['name']}, {made['shown']}")
    if made["signing_secret"]:
        typer.echo(f"its messages are signed with {made['signing_secret']} (shown this once)")


@channels_app.command("hours")
def set_hours(  # noqa: PLR0917  # each a flag
    channel: Which,
    quiet: Quiet = None,
    weekends: Weekends = False,
    digest: Digest = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Say when a channel may be used; without options always."""
    with _hub(data_dir, tenant) as hub:
        number = _number(hub.get("/notifications/channels"), channel, "channel")
        hub.put(f"/notifications/channels/{number}/hours", _hours(quiet, digest, weekends))
    typer.echo("set")


@channels_app.command("remove")
def remove_channel(channel: Which, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Forget a channel, and what was on its way to it."""
    with _hub(data_dir, tenant) as hub:
        number = _number(hub.get("/notifications/channels"), channel, "channel")
        hub.delete(f"/notifications/channels/{number}")
    typer.echo(f"channel {number} is removed")


def _hours(quiet: str | None, digest: str | None, weekends: bool) -> dict[str, object]:
    since, _, until = (quiet or "").partition("-")
    if quiet and not until:
        raise typer.BadParameter(f"--quiet {quiet}: write it like 22:00-07:00")
    return {
        "quiet_from": since.strip() or None,
        "quiet_until": until.strip() or None,
        "digest_at": digest,
        "weekends": weekends,
    }


def _tells(rule: dict[str, Any]) -> str:
    """Whom a rule tells: `Phone, after 15 min Boss`."""
    tells = ", ".join(rule["tell"]) or "the inbox"
    if rule["escalate"]:
        minutes = round(rule["escalate_after_s"] / 60)
        tells += f", after {minutes} min {', '.join(rule['escalate'])}"
    return tells


def _table(*headings: str) -> Table:
    """A table in which nothing is cut, however narrow the terminal is."""
    table = Table(box=None)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _minute(instant: str) -> str:
    """On this machine's clock."""
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M}"
