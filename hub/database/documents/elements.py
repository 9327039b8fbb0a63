"""Conditions on elements of nested arrays, as SQL/JSON paths."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, and_, cast
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from hub.database.errors import PathError

__all__ = ["Comparison", "any_element"]

Comparison = Literal["==", "!=", "<", "<=", ">", ">=", "starts with"]


def any_element(
    document: Any, path: str | Sequence[str], comparison: Comparison, value: Any
) -> ColumnElement[bool]:
    """Whether any value at that path of names compares so with `value`.

    `document` is a column of JSON. Wherever an array stands on the way, each of its elements is
    meant, those of an array within it too. A path that leads nowhere, an empty array and a null
    document do not match, nor does a value of another kind: a number is never above a text.
    `value` is a number, a text, a bool or None. An equality uses an index `USING gin (document
    jsonb_path_ops)`. Raises PathError.
    """
    names = [path] if isinstance(path, str) else list(path)
    if comparison not in get_args(Comparison):
        raise PathError(str(comparison), 0, "no comparison")
    if comparison == "starts with" and not isinstance(value, str):
        raise PathError(repr(value), 0, "no text to start with")
    # Lax mode takes the elements of one array by itself, [*] those of the next.
    steps = "".join(f"[*].{_text(name)}" for name in names)
    found = f"$[*]{steps}[*][*] ? (@ {comparison} {_literal(value)})"
    column = cast(document, JSONB) if not isinstance(document.type, JSONB) else document
    matches: ColumnElement[bool] = column.op("@?", is_comparison=True)(cast(found, JSONPATH))
    return and_(document.is_not(None), matches)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float | Decimal) and math.isfinite(value):
        # A path has no sign within a comparison's literal, but an operator.
        return f"({value:f})" if isinstance(value, Decimal) else f"({value!r})"
    raise PathError(repr(value), 0, "neither number, text, true, false nor null")


def _text(text: str) -> str:
    if "\0" in text:
        raise PathError(repr(text), 0, "a character that JSON in Postgres cannot hold")
    return json.dumps(text)
