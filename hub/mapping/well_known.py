"""Presets: the topics of well-known firmware, as files beside this module, and what people set."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from hub.mapping.profiles import DeviceProfile

__all__ = ["BASES", "LANGUAGES", "PREFIXES", "base_fault", "prefix_fault", "preset"]

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "tasmota": ("tasmota",),
    "homie": ("homie", "homie5"),
    "zigbee2mqtt": ("zigbee2mqtt",),
    "shelly": ("shelly", "shelly2"),
    "esphome": ("esphome",),
}
"""Files of a preset: each is a language of its own, whose commands are no other's."""

BASES: Mapping[str, tuple[str, ...]] = {
    # Tasmota's FullTopic; the second is what its Home Assistant mode (SetOption19) has set.
    "tasmota": ("%prefix%/%topic%", "%topic%/%prefix%"),
    "homie": ("homie",),
    "zigbee2mqtt": ("zigbee2mqtt",),
    # Later generations have none; many people give them that of the first.
    "shelly": ("shellies",),
    "esphome": ("",),
}
"""What stands before a preset's topics where nobody has said otherwise."""

PREFIXES: Mapping[str, str] = {"cmnd": "cmnd", "stat": "stat", "tele": "tele"}
"""Tasmota's Prefix1 to Prefix3."""

_TOKEN = re.compile(r"%(\w+)%")
_NAMES = frozenset({"topic", "hostname", "id"})
_UNFIT = re.compile(r"[+#{}\x00-\x1f\x7f]")


def preset(
    name: str, base: str = "", prefixes: Mapping[str, str] = PREFIXES
) -> dict[str, DeviceProfile]:
    """The profiles of a preset by their language; with another base than the usual ones."""
    bases = (base,) if base else BASES[name]
    return {
        file: DeviceProfile.model_validate(_several(file, bases, {**PREFIXES, **prefixes}))
        for file in LANGUAGES[name]
    }


def base_fault(name: str, base: str) -> str | None:
    """Why a base cannot be one of that preset's; None where it can."""
    if name not in BASES:
        return f"only {', '.join(BASES)} have one"
    if _UNFIT.search(base) or base.startswith(("/", "$")):
        return f"{base!r} is no beginning of a topic: no +, # or braces, not beginning with / or $"
    if name != "tasmota":
        return f"there are no %...% in {name}'s" if "%" in base else None
    tokens = _TOKEN.findall(base)
    if tokens.count("prefix") != 1 or sum(tokens.count(one) for one in _NAMES) != 1:
        return "a FullTopic has %prefix% and %topic%, each once"
    if unknown := set(tokens) - _NAMES - {"prefix"}:
        return f"there is no %{min(unknown)}%"
    return None


def prefix_fault(given: Mapping[str, str]) -> str | None:
    """Why these cannot be Tasmota's prefixes; None where they can."""
    for word, prefix in given.items():
        if not prefix or "/" in prefix or _UNFIT.search(prefix) or prefix.startswith("$"):
            return f"{word}: {prefix!r} is no level of a topic"
    prefixes = [*{**PREFIXES, **given}.values()]
    if len(set(prefixes)) < len(prefixes):
        return f"two of {', '.join(prefixes)} are the same: commands and reports would mix"
    return None


def _several(file: str, bases: tuple[str, ...], prefixes: Mapping[str, str]) -> dict[str, Any]:
    """The file with its rules for each base, one after the other."""
    text = resources.files("hub.mapping").joinpath("presets", f"{file}.json").read_text("utf-8")
    # What a language of later devices has besides, under the base of the first.
    starts = ("", *bases) if file == "shelly2" else bases
    found: dict[str, Any] = {}
    for start in starts:
        for member, value in json.loads(_filled(text, file, start, prefixes)).items():
            known = found.setdefault(member, value)
            if known is not value and isinstance(known, list) and not _said(file, member):
                known += [one for one in value if one not in known]
    return found


def _said(file: str, member: str) -> bool:
    """Whether the first generation's file has that already."""
    return file == "shelly2" and member == "online"


def _filled(text: str, file: str, start: str, prefixes: Mapping[str, str]) -> str:
    if file == "tasmota":
        topic = _TOKEN.sub(lambda one: "{device}" if one[1] in _NAMES else one[0], start)
        for word, prefix in prefixes.items():
            text = text.replace(f"{{{word}}}", topic.strip("/").replace("%prefix%", prefix))
        return text
    return text.replace("{base}/", f"{start}/" if start else "")
