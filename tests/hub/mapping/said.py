"""What a translator makes of messages, in short."""

from __future__ import annotations

import json
from typing import Any

from contracts.messages import AccessoryRemoval, Online, Problem, ServiceRemoval, StateValue
from contracts.reading import SeriesKey
from hub.mapping.translator import Translator


def said(translator: Translator, topic: str, payload: Any) -> list[tuple[Any, ...]]:
    """Every message that comes of one: series and value, device and presence, what leaves."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    found: list[tuple[Any, ...]] = []
    for message in translator.translate(topic, text.encode()):
        match message:
            case StateValue(series, raw):
                found.append((series.full_name, raw))
            case Online(device, online):
                found.append((device, online))
            case Problem(kind, device, _):
                found.append((kind, device))
            case AccessoryRemoval(series):
                found.append((series.device, "leaves"))
            case ServiceRemoval(device, service, index):
                found.append((f"{device}/{service}/{index}", "leaves"))
    return found


def values(translator: Translator, topic: str, payload: Any) -> dict[str, str]:
    """The values by series, without the device."""
    return {
        name.partition("/")[2]: raw
        for name, raw in said(translator, topic, payload)
        if "/" in str(name)
    }


def sent(translator: Translator, series: str, text: str) -> tuple[str, Any]:
    """Topic and payload (read, where it is JSON) of a command: "lamp/Switch/1/On"."""
    device, service, *index, characteristic = series.split("/")
    key = SeriesKey(device, service, int(index[0]) if index else 0, characteristic)
    topic, payload = translator.command(key, text)
    return topic, json.loads(payload) if payload.startswith("{") else payload
