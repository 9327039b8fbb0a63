"""Rollouts as tables for a terminal. Text of devices is data: never markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ["history_line", "plan_table", "rollouts_table", "status_table"]

_STYLE = {
    "updated": "green", "done": "green", "running": "cyan", "updating": "cyan",
    "verifying": "cyan", "accepted": "cyan", "failed": "red", "halted": "bold red",
    "paused": "yellow", "skipped": "yellow", "aborting": "yellow", "aborted": "yellow",
}  # fmt: skip


def rollouts_table(rollouts: Sequence[Mapping[str, Any]]) -> RenderableType:
    """`dormouse rollout list`."""
    if not rollouts:
        return Text("there was no rollout yet; see `dormouse rollout start --help`")
    table = Table("", "what", "phase", "devices", "since", "", box=None)
    for rollout in rollouts:
        table.add_row(
            str(rollout["id"]),
            Text(rollout["text"]),
            _state(rollout["phase"]),
            _counts(rollout["counts"]),
            _local(rollout["created_at"]),
            Text(rollout["reason"]),
        )
    return table


def plan_table(plan: Mapping[str, Any]) -> RenderableType:
    """`dormouse rollout start --plan`."""
    table = Table("wave", "device", "firmware", "expected", "", box=None)
    canary = plan["options"]["canary"]
    for device in plan["devices"]:
        skipped = device["state"] == "skipped"
        first = "canary" if canary and not device["wave"] else str(device["wave"])
        table.add_row(
            "-" if skipped else first,
            device["device"],
            Text(device["firmware"] or "?"),
            "-" if skipped else _expected(device),
            Text("skipped: " + device["reason"] if skipped else device["reason"]),
        )
    end = plan["done_at"]
    when = f"done about {_local(end)}" if end else "the end cannot be predicted"
    return Group(Text(f"{plan['text']}: {plan['waves']} waves, {when}"), table)


def status_table(rollout: Mapping[str, Any]) -> RenderableType:
    """`dormouse rollout status`."""
    head = Text.assemble(
        f"rollout {rollout['id']}: {rollout['text']}: ", _state(rollout["phase"]),
        f", wave {rollout['wave'] + 1} of {rollout['waves']}, ", _counts(rollout["counts"]),
    )  # fmt: skip
    if rollout["reason"]:
        head.append(f"\n{rollout['reason']}")
    table = Table("wave", "device", "state", "firmware", "heard", "expected", "", box=None)
    for device in rollout["devices"]:
        table.add_row(
            str(device["wave"]),
            device["device"],
            _state(device["state"]),
            Text(device["firmware"] or ""),
            _ago(device["heard_at"]),
            _expected(device),
            Text(_remark(device)),
        )
    return Group(head, table)


def history_line(event: Mapping[str, Any]) -> str:
    """A line of `dormouse rollout history`."""
    who = event["device"] or "rollout"
    what = "" if event["what"] in {"state", "phase"} else f" {event['what']}"
    line = f"{_local(event['at'], seconds=True)} {who}{what}: "
    line += f"{event['before'] or '-'} -> {event['after'] or '-'}"
    return line + (f" ({event['reason']})" if event["reason"] else "")


def _remark(device: Mapping[str, Any]) -> str:
    progress = device["progress"]
    if progress:
        percent = 100 * progress["done"] / max(1, progress["total"])
        left = progress["seconds_left"]
        return f"{percent:.0f} %" + (f", {left:.0f} s left" if left is not None else "")
    if device["health"] and device["health"] != "good":
        return f"{device['health']}: {device['health_reason']}"
    return str(device["reason"])


def _state(state: str) -> Text:
    return Text(state, style=_STYLE.get(state, ""))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {state}" for state, n in counts.items())


def _expected(device: Mapping[str, Any]) -> str:
    if device["expected_at"] is None:
        return "" if device["state"] in {"updated", "failed", "skipped"} else "unknown"
    return _local(device["expected_at"]) + ("" if device["expected_sure"] else " or later")


def _ago(at: str | None) -> str:
    if at is None:
        return "never"
    seconds = max(0, round((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def _local(at: str, *, seconds: bool = False) -> str:
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return f"{datetime.fromisoformat(at).astimezone():{form}}"
