"""`dormouse logs`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from hub.client import DataDir, Json
from hub.errors import SettingsError
from hub.logs.read import LogChoice, follow, newest, require_log, text_of
from hub.runtime.log_events import EVENTS, FIELDS
from hub.runtime.log_setup import LogLevel
from hub.settings import load

__all__ = ["events_page", "logs", "moment"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_PAGE = """\
# The log

The hub writes its log to standard error (with systemd that is the journal), in the form that
`DORMOUSE_LOG_FORMAT` says (`text` or `json`), from the gravity on that `DORMOUSE_LOG_LEVEL` says
(`debug`, `info`, `warning`, `error`). The same lines are kept as JSON in `log/hub.jsonl` of the
data folder, in five files of 2 MB at most, closed to other users:

```
dormouse logs                                   # the last hundred lines
dormouse logs --follow
dormouse logs --since 2h --level warning
dormouse logs --device esp8266_1a2b3c4d --json
dormouse logs --event rollout-device -n 1000
```

It works without a running hub, too; where no hub ever wrote a log it says so, with status 3. The
page *Log* shows administrators the events of their tenant, and those that are of no tenant.

A line as JSON has `at` (UTC), `level`, `from` (which part of the hub), `text` for people, `trace`
where something failed that nothing foresaw, and where it is one of the events below `event` and its
fields. Names and fields stay as they are; texts may change. As text the fields stand in brackets
behind it.

Of each kind of line (what it says before numbers and names are filled in) 50 at once and 12 a
minute later on are written, of debugging 2000 and 600; the others are summed up in one line a
minute, `and 12,345 more from 3 addresses like: ...`. So nobody who can cause a line can fill the
log with it. The events below are written whole, but `login-refused` and `device-enrolled`, which
strangers can cause.

Nothing that opens anything is in it: no password, token, link or pairing code. Those are shown on a
terminal alone. Nor are names of people, values that were measured or set, or names of networks;
an address stands only where somebody was refused.

| event | level | fields | when |
| --- | --- | --- | --- |
"""


def logs(
    *,
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="and go on with what comes, until Ctrl-C")
    ] = False,
    since: Annotated[
        str, typer.Option("--since", help="30m, 2h, 7d, or a time: 2026-03-01T12:00")
    ] = "",
    level: Annotated[
        LogLevel, typer.Option("--level", help="this and what is graver")
    ] = LogLevel.DEBUG,
    device: Annotated[str, typer.Option("--device", help="what concerns a device, by its id")] = "",
    event: Annotated[str, typer.Option("--event", help="one kind of event: docs/logs.md")] = "",
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines", "-n", min=0, help="at most; 100, with --since all", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show what the hub logged."""
    folder = load(data_dir=data_dir).data_dir
    choice = LogChoice(moment(since, datetime.now(UTC)) if since else None, level, device, event)
    if event and event not in {one.name for one in EVENTS.all()}:
        raise SettingsError(f"--event {event}: there is no such event (docs/logs.md has them)")
    if not following:
        require_log(folder)
    most = lines if lines is not None else (1_000_000 if since else 100)
    for line in newest(folder, choice.takes, most):
        _show(line, as_json=as_json)
    if following:
        for line in follow(folder, choice.takes):
            _show(line, as_json=as_json)


def moment(text: str, now: datetime) -> datetime:
    """A time before `now`, or a time; without an offset by this machine's clock."""
    if match := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return now - timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingsError(
            f"--since {text}: write 30m, 2h or 7d, or a time like 2026-03-01T12:00"
        ) from None


def events_page() -> str:
    """docs/logs.md: all events and their fields."""
    rows = [
        f"| `{one.name}` | {_level(one.level)} | {_fields(one.fields)} | {_when(one.text)} |"
        for one in EVENTS.all()
    ]
    fields = [f"| `{name}` | {what} |" for name, what in FIELDS.items()]
    return _PAGE + "\n".join([*rows, "", "| field | what |", "| --- | --- |", *fields, ""])


def _level(level: int) -> str:
    return {20: "info", 30: "warning", 40: "error"}[level]


def _fields(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _when(text: str) -> str:
    return re.sub(r"\{(\w+)\}", r"*\1*", text)


def _show(line: dict[str, Any], *, as_json: bool) -> None:
    typer.echo(json.dumps(line, ensure_ascii=False) if as_json else text_of(line))
