"""The payload of a command: the value alone, or a template around it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["fill", "places"]

_PLACE = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)


def places(template: Any) -> set[str]:
    """The names that stand between braces in a template."""
    if isinstance(template, str):
        return set(_PLACE.findall(template))
    members = [*template, *template.values()] if isinstance(template, dict) else template
    return {name for member in members for name in places(member)} if _nested(template) else set()


def fill(template: Any, values: Mapping[str, str]) -> str:
    """The payload: text with each `{name}` replaced, or JSON whose texts are filled so.

    In JSON a text that is nothing but one place becomes a number, true or false where the value is
    one: `{"brightness": "{value}"}` sends `{"brightness": 127}`.
    """
    if isinstance(template, str):
        return _PLACE.sub(lambda place: values.get(place[1], place[0]), template)
    return json.dumps(_filled(template, values), ensure_ascii=False, separators=(",", ":"))


def _nested(template: Any) -> bool:
    return isinstance(template, dict | list)


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    if isinstance(template, dict):
        return {fill(name, values): _filled(member, values) for name, member in template.items()}
    if isinstance(template, list):
        return [_filled(member, values) for member in template]
    if not isinstance(template, str):
        return template
    alone = _PLACE.fullmatch(template)
    text = fill(template, values)
    if alone is None:
        return text
    if text in {"true", "false"} or _NUMBER.fullmatch(text):
        return json.loads(text)
    return text
