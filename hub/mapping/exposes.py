"""Zigbee2MQTT's list of devices (`bridge/devices`): what each exposes, property by property. Pure.

Its `exposes` say what a value is measured in, how far it goes, and which words a switch has
(zigbee2mqtt.io, "Exposes"). Here they have the form of Homie's attributes
(hub/mapping/described.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hub.mapping.convert import document
from hub.mapping.paths import MappingError

__all__ = ["ListedDevice", "listed"]

# What groups features of one thing; a composite's features are members of one value.
_THINGS = frozenset({"light", "switch", "cover", "lock", "fan", "climate"})
# Whose states have words that the preset knows: those of a switch would be theirs as well.
_OWN_WORDS = frozenset({"cover", "lock"})
_FACTS = {"$model": "model", "$vendor": "vendor"}
_SET = 0b010  # of "access": that a property can be set


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device as a list has it.

    `address` is its own whatever it is called; `about` a JSON document of its properties.
    """

    name: str
    address: str
    about: str


def listed(text: str) -> Iterator[ListedDevice]:
    """Each device with its properties.

    What is no device, or was not interviewed, is left out. Raises MappingError.
    """
    devices = document(text)
    if not isinstance(devices, list):
        raise MappingError("the list of devices is no list")
    for device in devices:
        name = device.get("friendly_name") if isinstance(device, dict) else None
        definition = device.get("definition") if isinstance(device, dict) else None
        if not isinstance(name, str) or not name or not isinstance(definition, dict):
            continue
        about: dict[str, Any] = {
            member: value
            for member, value in ((m, definition.get(source)) for m, source in _FACTS.items())
            if isinstance(value, str) and value
        }
        version = device.get("software_build_id")
        if isinstance(version, str) and version:
            about["$version"] = version
        for feature, own_words in _features(definition.get("exposes")):
            about.setdefault(feature["property"], _attributes(feature, own_words=own_words))
        address = device.get("ieee_address")
        yield ListedDevice(
            name,
            address if isinstance(address, str) else "",
            json.dumps(about, ensure_ascii=False),
        )


def _features(exposes: Any, *, own_words: bool = False) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every property, and whether the preset has the words of its states."""
    for feature in exposes if isinstance(exposes, list) else ():
        if not isinstance(feature, dict):
            continue
        if feature.get("type") in _THINGS:
            yield from _features(feature.get("features"), own_words=feature["type"] in _OWN_WORDS)
        elif isinstance(feature.get("property"), str):
            yield feature, own_words


def _attributes(feature: dict[str, Any], *, own_words: bool) -> dict[str, str]:
    unit, access = feature.get("unit"), feature.get("access")
    found = {"unit": unit} if isinstance(unit, str) else {}
    if isinstance(access, int):
        found["settable"] = "true" if access & _SET else "false"
    if own_words and feature.get("type") != "numeric":
        return found
    match feature.get("type"):
        case "binary":
            words = [_word(feature.get("value_off")), _word(feature.get("value_on"))]
            return {**found, "datatype": "binary", "format": ",".join(words)}
        case "enum" if isinstance(feature.get("values"), list):
            words = [_word(value) for value in feature["values"]]
            return {**found, "datatype": "enum", "format": ",".join(words)}
        case "numeric":
            limits = [feature.get("value_min"), feature.get("value_max")]
            text = ":".join("" if limit is None else str(limit) for limit in limits)
            step = feature.get("value_step")
            text += f":{step}" if isinstance(step, int | float) and text[-1] != ":" else ""
            return {**found, "datatype": "float", "format": "" if text == ":" else text}
    return found


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)
