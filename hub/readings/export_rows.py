"""Rows on their way into a file, and values as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.readings.answers import AnswerColumn

__all__ = ["Write", "text_of"]

Write = Callable[[Sequence[AnswerColumn] | None, Sequence[Sequence[Any]]], None]
"""Takes the columns with some rows; None and none of them at the end."""


def text_of(value: Any) -> str:
    """A value as its text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=text_of)
    if isinstance(value, datetime):
        # One form in a column, whatever the session's zone is and however round the time.
        if value.tzinfo is None:
            return value.isoformat(timespec="microseconds")
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='microseconds')}Z"
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
