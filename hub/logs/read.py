"""Lines of the log in the data folder: chosen, followed, shown."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from hub.errors import HubError
from hub.runtime.log_events import EVENTS
from hub.runtime.log_setup import LOG_FOLDER, LOG_NAME, LogLevel

__all__ = [
    "LogChoice", "NoLogError", "follow", "for_tenant", "newest", "require_log", "text_of",
]  # fmt: skip

LogLine = dict[str, Any]

_GRAVITY = [*LogLevel]
_ORDER = {str(level): n for n, level in enumerate([*_GRAVITY, "critical"])}
_SHARED = frozenset(event.name for event in EVENTS.all() if event.shared)
_LOOK_S = 0.25
_KNOWN = frozenset({"at", "level", "from", "event", "text", "trace"})


@dataclass(frozen=True, slots=True)
class LogChoice:
    """Which lines: not older than `since`, at least as grave as `level`, of a device, an event.

    `device` is an id: its events, and other lines that name it.
    """

    since: datetime | None = None
    level: LogLevel = LogLevel.DEBUG
    device: str = ""
    event: str = ""

    def takes(self, line: LogLine) -> bool:
        """Whether it is one of them."""
        if _ORDER.get(str(line.get("level")), 0) < _ORDER[str(self.level)]:
            return False
        if self.event and line.get("event") != self.event:
            return False
        if self.device and line.get("device") != self.device and not _names(line, self.device):
            return False
        return self.since is None or _at(line) >= self.since


class NoLogError(HubError):
    """There is no log in a data folder: no hub ever ran there."""

    exit_status = 3

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        super().__init__(
            f"{data_dir}: no hub ever wrote a log here; --data-dir names another folder"
        )


def require_log(data_dir: Path) -> None:
    """Raises NoLogError where there is none; PermissionError where it is somebody else's."""
    folder = data_dir / LOG_FOLDER
    if not os.path.lexists(folder):
        # Whether it is there nobody knows who may not look into the folder around it.
        if data_dir.exists():
            list(data_dir.iterdir())
        raise NoLogError(data_dir)
    if not list(folder.iterdir()):
        raise NoLogError(data_dir)


def newest(data_dir: Path, takes: Callable[[LogLine], bool], most: int) -> list[LogLine]:
    """The last `most` of the lines that are taken, oldest first."""
    found: deque[LogLine] = deque(maxlen=most)
    for path in _files(data_dir):
        try:
            with path.open("rb") as file:
                found.extend(line for raw in file if (line := _parsed(raw)) and takes(line))
        except FileNotFoundError:
            continue  # it was rotated away meanwhile
    return list(found)


def follow(
    data_dir: Path,
    takes: Callable[[LogLine], bool],
    *,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[LogLine]:
    """Lines that come from now on, without end; over rotations and restarts of the hub."""
    path = data_dir / LOG_FOLDER / LOG_NAME
    from_the_start = not path.exists()
    while True:
        try:
            with path.open("rb") as file:
                if not from_the_start:
                    file.seek(0, os.SEEK_END)
                from_the_start = True
                for raw in _lines_until_rotated(path, file, pause):
                    if (line := _parsed(raw)) and takes(line):
                        yield line
        except FileNotFoundError:
            pause(_LOOK_S)


def _lines_until_rotated(
    path: Path, file: BinaryIO, pause: Callable[[float], object]
) -> Iterator[bytes]:
    """Whole lines of a file, until `path` is another one and this has been read to its end."""
    rest, rotated = b"", False
    while True:
        *lines, rest = (rest + file.read()).split(b"\n")
        yield from lines
        if rotated:
            return
        rotated = not _is(path, file.fileno())
        if not rotated:
            pause(_LOOK_S)


def for_tenant(tenant: str) -> Callable[[LogLine], bool]:
    """What a tenant's administrators may see: events of theirs, and those that are of nobody."""

    def takes(line: LogLine) -> bool:
        event = line.get("event")
        return event is not None and (line.get("tenant") == tenant or event in _SHARED)

    return takes


def text_of(line: LogLine) -> str:
    """A line for a person, by this machine's clock."""
    at = _at(line).astimezone()
    where = line.get("event") or line.get("from", "")
    told = " ".join(f"{name}={value}" for name, value in line.items() if name not in _KNOWN)
    text = (
        f"{at:%Y-%m-%d %H:%M:%S} {str(line.get('level', '')).upper()} {where}: {line.get('text')}"
    )
    trace = "".join(f"\n    {part}" for part in line.get("trace", []))
    return f"{text} ({told}){trace}" if told else text + trace


def _files(data_dir: Path) -> list[Path]:
    """Oldest first."""
    folder = data_dir / LOG_FOLDER
    rotated = sorted(
        (path for path in folder.glob(f"{LOG_NAME}.*") if path.suffix[1:].isdecimal()),
        key=lambda path: -int(path.suffix[1:]),
    )
    return [*rotated, folder / LOG_NAME]


def _parsed(raw: bytes) -> LogLine | None:
    """None for what a full disk or a power cut left of one."""
    try:
        line = json.loads(raw)
        return line if isinstance(line, dict) and _at(line) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _at(line: LogLine) -> datetime:
    return datetime.fromisoformat(line["at"])


def _names(line: LogLine, device: str) -> bool:
    return device in str(line.get("text", "")).replace(",", " ").replace(":", " ").split()


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
