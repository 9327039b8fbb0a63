"""A line of the log: as JSON and as text, bounded, on one line, without secrets."""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any

from contracts.show import TERMINAL_CONTROLS

__all__ = ["JsonLines", "TextLines", "fields_of", "without_secrets"]

_LONGEST = 4000
# Whatever else comes to be written by libraries and errors: what opens something is not.
_SECRETS = (
    (re.compile(r"(/join/)[A-Za-z0-9_-]+"), r"\1..."),
    (re.compile(r"X-HM://\w+"), "X-HM://..."),
    # HomeKit's pairing codes, and what looks like one.
    (re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{3}(?![\w-])"), "...-..-..."),
    (re.compile(r"AGE-SECRET-KEY-\w+"), "AGE-SECRET-KEY-..."),
    (re.compile(r"(://)[^/@\s]+@"), r"\1...@"),
    (
        re.compile(
            r"\b((?:pass(?:word|phrase|wd)?|secret|token|api[_-]?key|authorization|cookie|psk)"
            r"[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s\"',;}]+",
            re.IGNORECASE,
        ),
        r"\1...",
    ),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), r"\1 ..."),
)


def without_secrets(text: str) -> str:
    """The text with what opens something left out."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says: `at` (UTC), `level`, `from`, `event` and its fields, `text`, `trace`."""
    event = getattr(record, "event", None)
    fields: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "from": record.name,
    }
    if event is not None:
        fields["event"] = event
        given = getattr(record, "event_fields", {})
        fields |= {name: _plain(value) for name, value in given.items()}
    fields["text"] = _bounded(record.getMessage())
    if record.exc_info and record.exc_info[0] is not None:
        trace = traceback.format_exception(*record.exc_info)
        fields["trace"] = [
            _bounded(line) for part in trace for line in part.rstrip("\n").split("\n")
        ]
    return fields


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return _bounded(str(value))


def _bounded(text: str) -> str:
    return without_secrets(text[:_LONGEST]).translate(TERMINAL_CONTROLS)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return json.dumps(fields_of(record), ensure_ascii=False)


class TextLines(logging.Formatter):
    """`2026-03-01 03:00:05,120 INFO device-lost: it says so (device=... tenant=...)`, local time.

    Lines that are no event have the name of the logger in the event's place.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, and a trace below it."""
        fields = fields_of(record)
        at = self.formatTime(record)
        where = fields.get("event", record.name)
        known = {"at", "level", "from", "event", "text", "trace"}
        told = " ".join(f"{name}={value}" for name, value in fields.items() if name not in known)
        line = f"{at} {record.levelname} {where}: {fields['text']}"
        if told:
            line += f" ({told})"
        return "\n".join([line, *(f"    {part}" for part in fields.get("trace", []))])
