"""A whole mapping (presets, profiles, gateways), and its file, refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from hub.errors import SettingsError
from hub.mapping.faults import ambiguities, located, rule_faults
from hub.mapping.lines import line_of, repeated
from hub.mapping.profiles import (
    Conversion,
    Data,
    DeviceProfile,
    Gateway,
    OnlineRule,
    TopicRule,
    device_ids,
)
from hub.mapping.well_known import LANGUAGES, base_fault, prefix_fault, preset

__all__ = [
    "PRESETS",
    "Conversion",
    "DeviceProfile",
    "Gateway",
    "Mapping",
    "OnlineRule",
    "TopicRule",
    "load_file",
]

_Place = tuple[str | int, ...]
# Where profiles stand, and whether one is for more than one device.
_SECTIONS = {"devices": False, "models": True, "profiles": True}
PRESETS = {name: preset(name) for name in LANGUAGES}
"""Profiles of well-known firmware: by name, then by the language that it speaks."""


class Mapping(Data):
    """Everything mapped: presets by name, profiles by device id, by model, by names of one's own.

    A device's own profile comes before its model's, and both before presets and `profiles`, which
    hold for every device that speaks so. `bases` is what a preset's topics begin with where it is
    something else (Tasmota: its FullTopic), `prefixes` are Tasmota's. `gateways` are accounts that
    publish for many devices.
    """

    presets: tuple[str, ...] = ()
    bases: dict[str, str] = Field(default_factory=dict)
    prefixes: dict[Literal["cmnd", "stat", "tele"], str] = Field(default_factory=dict)
    devices: dict[str, DeviceProfile] = Field(default_factory=dict)
    models: dict[str, DeviceProfile] = Field(default_factory=dict)
    profiles: dict[str, DeviceProfile] = Field(default_factory=dict)
    gateways: dict[str, Gateway] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name in self.presets:
            if name not in PRESETS:
                raise ValueError(f"there is no preset {name!r}: {', '.join(PRESETS)}")
        for name, base in self.bases.items():
            if (fault := base_fault(name, base)) is not None:
                raise ValueError(f"base of {name!r}: {fault}")
        prefixes = {str(word): prefix for word, prefix in self.prefixes.items()}
        if (fault := prefix_fault(prefixes)) is not None:
            raise ValueError(f"prefixes: {fault}")
        for account, gateway in self.gateways.items():
            for name in gateway.speaks:
                if name not in PRESETS and name not in self.profiles:
                    raise ValueError(f"gateway {account!r}: there is no preset or profile {name!r}")
        device_ids(self.devices)
        return self

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        for section, several in _SECTIONS.items():
            for name, profile in getattr(self, section).items():
                for fault in rule_faults(profile, several=several):
                    raise ValueError(f"{name}: {fault}")
        known = {file for files in LANGUAGES.values() for file in files}
        if taken := known & self.profiles.keys():
            raise ValueError(f"profiles: {min(taken)!r} is a preset's name")
        for fault in ambiguities(self.everywhere(), known):
            raise ValueError(fault)
        return self

    def everywhere(self) -> dict[str, DeviceProfile]:
        """The profiles that hold for every device, by name: those of presets and one's own."""
        spoken = [name for gateway in self.gateways.values() for name in gateway.speaks]
        found: dict[str, DeviceProfile] = {}
        for name in (*self.presets, *(name for name in spoken if name in PRESETS)):
            usual = name not in self.bases and not (name == "tasmota" and self.prefixes)
            own = {str(word): prefix for word, prefix in self.prefixes.items()}
            found |= PRESETS[name] if usual else preset(name, self.bases.get(name, ""), own)
        return found | self.profiles

    def spoken(self, gateway: Gateway) -> set[str]:
        """The names of the profiles by which a gateway speaks."""
        return {file for name in gateway.speaks for file in LANGUAGES.get(name, (name,))}


def load_file(path: Path) -> Mapping:
    """The mapping in a JSON file. Raises SettingsError with one line: where and what."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise SettingsError(f"DORMOUSE_MAPPING={path}: {error}") from None
    try:
        data: Any = json.loads(text, object_pairs_hook=repeated)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"DORMOUSE_MAPPING={path}: {error}") from None
    if not isinstance(data, dict):
        raise SettingsError(f"DORMOUSE_MAPPING={path}: line 1: not a JSON object")
    try:
        return Mapping.model_validate(data)
    except ValidationError as error:
        where, reason = _first(error, data)
        line = f"line {line_of(text, where)}: {'.'.join(map(str, where))}".removesuffix(": ")
        raise SettingsError(f"DORMOUSE_MAPPING={path}: {line}: {reason}") from None


def _first(error: ValidationError, data: Any) -> tuple[_Place, str]:
    first = error.errors(include_url=False, include_input=False)[0]
    where = tuple(first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    # Faults of whole rules are found once all of it is read, and then say only whose they are.
    return next(_faults(data), (where, reason)) if not where else (where, reason)


def _faults(data: Any) -> Iterator[tuple[_Place, str]]:
    for section, several in _SECTIONS.items():
        for name, raw in _members(data.get(section)):
            for where, fault in located(DeviceProfile.model_validate(raw), several=several):
                yield (section, name, *where), fault


def _members(section: Any) -> Sequence[tuple[str, Any]]:
    return list(section.items()) if isinstance(section, dict) else ()
