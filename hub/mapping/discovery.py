"""Tasmota's discovery (`tasmota/discovery/<mac>/config`): what each device says it is. Pure.

Retained, from Tasmota 9.3 on (its source, xdrv_12_discovery.ino): topic and FullTopic, names, the
words for off and on, and of each output whether it is a relay, a lamp or a shutter's. The message
`.../sensors` beside it is a sample of SENSOR, as old as it may be: nothing is taken of it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hub.mapping.convert import document
from hub.mapping.exposes import ListedDevice
from hub.mapping.paths import MappingError

__all__ = ["discovered", "state_topic"]

# `rl`; 0 is none, or one of an iFan's that FanSpeed moves. Homes show what is theirs to switch.
_SERVICES = {0: "", 1: "Switch", 2: "Lightbulb", 3: ""}
_SHUTTER = 3
# What Tasmota calls itself until somebody names it; the topic says more.
_UNNAMED = re.compile(r"Tasmota\d*")
_TOKEN = re.compile(r"%(\w+)%")


def discovered(text: str) -> ListedDevice:
    """The device by its topic, with a JSON document of what it says. Raises MappingError."""
    config = document(text)
    topic = config.get("t") if isinstance(config, dict) else None
    if not isinstance(topic, str) or not topic:
        raise MappingError("Tasmota's discovery names no topic")
    about: dict[str, Any] = {
        member: config[source]
        for member, source in (("$name", "dn"), ("$model", "md"), ("$version", "sw"))
        if isinstance(config.get(source), str) and config[source]
    }
    if _UNNAMED.fullmatch(about.get("$name", "")):
        del about["$name"]
    about["$asleep"] = config.get("dslp") == 1
    words = _texts(config.get("state"))[:2]
    if len(words) == 2 and all(words) and words[0] != words[1]:
        about["POWER"] = {"datatype": "binary", "format": ",".join(words)}
    about |= _outputs(config)
    mac = config.get("mac")
    return ListedDevice(topic, mac if isinstance(mac, str) else "", json.dumps(about))


def state_topic(text: str) -> str:
    """Where that device publishes its STATE, by the FullTopic and prefix that it says it has.

    Empty where it does not say, or by a place that nobody else could fill.
    """
    config = document(text)
    prefixes = _texts(config.get("tp"))
    places = {
        "prefix": prefixes[2] if len(prefixes) > 2 else "",
        "topic": config.get("t"),
        "hostname": config.get("hn"),
    }
    full = config.get("ft")
    if not isinstance(full, str) or not all(
        isinstance(places.get(name), str) and places[name] for name in _TOKEN.findall(full)
    ):
        return ""
    return f"{_TOKEN.sub(lambda one: str(places[one[1]]), full).strip('/')}/STATE"


def _outputs(config: dict[str, Any]) -> dict[str, Any]:
    """What each output is, and what it is called where there are several."""
    kinds = config.get("rl")
    kinds = [kind if isinstance(kind, int) else None for kind in _list(kinds)]
    names = _texts(config.get("fn"))
    switched = [n for n, kind in enumerate(kinds) if kind in {1, 2}]
    motors = [n for n, kind in enumerate(kinds) if kind == _SHUTTER][::2]
    found: dict[str, Any] = {}
    for n, kind in enumerate(kinds):
        if kind in _SERVICES:
            named = _named(names, n) if len(switched) > 1 and n in switched else {}
            found[f"POWER{n + 1}"] = {"service": _SERVICES[kind], **named}
    for n, first in enumerate(motors):
        if len(motors) > 1:
            found[f"Shutter{n + 1}"] = _named(names, first)
    return found


def _named(names: list[str], n: int) -> dict[str, str]:
    name = names[n] if n < len(names) else ""
    return {} if not name or _UNNAMED.fullmatch(name) else {"name": name}


def _texts(value: Any) -> list[str]:
    return [text if isinstance(text, str) else "" for text in _list(value)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
