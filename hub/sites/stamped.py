"""A message of a device that waited: its ages made those of when it is sent on. Pure."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["is_for_now_alone", "stamped"]

# Values without a time of their own: late they would pass for new ones.
_NOW_S = 60.0


def is_for_now_alone(topic: str, waited: float) -> bool:
    """Whether a message says only what is now, and that is past: the record is in `$batch`."""
    name = topic.split("/", 2)[-1]
    return waited > _NOW_S and not name.startswith("$")


def stamped(topic: str, payload: bytes, waited: float) -> bytes:
    """The payload as the device would say it now, `waited` seconds later.

    Of a `$batch` the readings' ages and the device's clock (`up`) are that much more; whatever
    cannot be read goes on as it is, and is refused where it arrives.
    """
    if not topic.endswith("/$batch") or topic.count("/") != 2:
        return payload
    try:
        return _stamped(payload, waited)
    except (ValueError, OverflowError, RecursionError):  # too deep, too large, half a character
        return payload


def _stamped(payload: bytes, waited: float) -> bytes:
    said = json.loads(payload)
    if not isinstance(said, dict):
        return payload
    if _is_number(said.get("up")):
        said["up"] = round(said["up"] + waited, 3)
    for part in ("readings", "rows"):
        if isinstance(said.get(part), list):
            said[part] = [_older(one, waited) for one in said[part]]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _older(one: Any, waited: float) -> Any:
    """`[seq, age, ...]`, of both forms."""
    if isinstance(one, list) and len(one) > 1 and _is_number(one[1]):
        return [one[0], round(one[1] + waited, 3), *one[2:]]
    return one


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
