"""`dormouse hub status`: what the hub keeps, how long, and what it did about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.backups.commands import how_it_went
from hub.client import HubClient, Json
from hub.settings import load

__all__ = ["hub_status"]


def hub_status(
    *,
    as_json: Json = False,
    tenant: Annotated[str | None, typer.Option(help="rules of this one alone")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", envvar="DORMOUSE_DATA_DIR", help="the running hub's folder"),
    ] = None,
) -> None:
    """Show how much the database holds, how long by which rule, and what went when."""
    with HubClient(load(data_dir=data_dir), "dormouse hub status", tenant=tenant) as hub:
        found = hub.get("/upkeep")
        found["backups"] = hub.get("/backups/state")
    typer.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"database: {_size(found['bytes'])}, {found['dead_rows']} dead rows"
    for month in found["months"]:
        yield f"{month['name']}: about {month['rows']} readings, {_size(month['bytes'])}"
    for packed in found["packed"]:
        if packed["readings"]:
            yield (
                f"{packed['tenant']}: {packed['readings']} readings from {packed['since'][:10]} "
                f"until {packed['until'][:10]} packed in {_size(packed['bytes'])}"
            )
    for rule in found["rules"]:
        yield f"{rule['tenant']}, {rule['of'] or 'all else'}: {_days(rule)}"
    if not found["rules"]:
        yield "everything is kept for ever: `dormouse hub keep --raw-days 365` says otherwise"
    last = found["last"]
    if last is None:
        yield "upkeep: not yet since the hub started"
    else:
        went = ", ".join([
            *(f"{name} as a whole" for name in last["months"]),
            *(f"{rows} rows of {tenant}" for tenant, rows in last["rows"].items()),
        ])  # fmt: skip
        state = "under way" if last["finished_at"] is None else f"removed {went or 'nothing'}"
        packed = _went_into_rows(last["packed"])
        vacuumed = f", vacuumed {', '.join(last['vacuumed'])}" if last["vacuumed"] else ""
        problem = f"; {last['problem']}" if last["problem"] else ""
        yield f"upkeep: {_local(last['at'])}: {state}{packed}{vacuumed}{problem}"
    if not found["vacuums"]:
        yield "vacuum: left to the server that DORMOUSE_DATABASE_URL names"
    if found["next_at"]:
        yield f"next upkeep: {_local(found['next_at'])}"
    yield _backups(found["backups"])
    for worker in found["workers"]:
        leases = ", ".join(worker["leases"]) or "nothing, and waits"
        yield f"worker {worker['host']} ({worker['mark']}): {leases}"


def _backups(found: dict[str, Any]) -> str:
    good, failure, drill = found["last_good"], found["failure"], found["drill"]
    told = [f"last good one {_local(good['at'])}" if good else "none yet"]
    if failure:
        told.append(f"failed since {_local(failure['since'])}: {failure['reason']}")
    if drill:
        told.append(f"restored beside {_local(drill['at'])}: {how_it_went(drill)}")
    if found["next_at"]:
        told.append(f"next {_local(found['next_at'])}")
    elif not found["by_itself"]:
        told.append("the hub makes none by itself")
    return f"backups: {'; '.join(told)}"


def _went_into_rows(packed: dict[str, Any] | None) -> str:
    if packed is None or not packed["readings"]:
        return ""
    by = ", ".join(f"{n} readings of {tenant}" for tenant, n in packed["readings"].items())
    return f", packed {by}{' (more to come)' if packed['unfinished'] else ''}"


def _days(rule: dict[str, Any]) -> str:
    kept = [
        f"{what} {'for ever' if rule[name] is None else str(rule[name]) + ' days'}"
        for what, name in (
            ("readings", "raw_days"),
            ("hours", "hourly_days"),
            ("days", "daily_days"),
        )
    ]
    return ", ".join(kept)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M:%S %Z}"
