"""What a mapping says: plain data, as it stands in a file and in the database."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contracts.homekit.definitions import belongs
from hub.errors import SettingsError
from hub.mapping.units import UNITS

__all__ = [
    "PRESETS",
    "Conversion",
    "DeviceProfile",
    "Mapping",
    "OnlineRule",
    "TopicRule",
    "load_file",
]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Conversion(_Data):
    """From a device's payload to HomeKit's value; applied in this order.

    `path` finds the value in a JSON payload: member names and [n], joined by dots; `*` is any
    member, and then every value found counts as a service of its own, in order. `words` replaces
    whole payloads ("ON": "1"). `unit` is what the device measures in, or `unit_path` where the
    payload says so. `scale` multiplies, then `offset` is added. `invert` swaps true and false,
    or 0 and 100 where the value is a percentage.
    """

    path: str = ""
    words: dict[str, str] = {}
    unit: str | None = None
    unit_path: str = ""
    scale: Annotated[float, Field(allow_inf_nan=False)] = 1
    offset: Annotated[float, Field(allow_inf_nan=False)] = 0
    invert: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.unit is not None and self.unit not in UNITS:
            raise ValueError(f"unit {self.unit!r} is none of {', '.join(UNITS)}")
        if self.scale == 0:
            raise ValueError("scale 0 would lose the value")
        return self


class TopicRule(Conversion):
    """A topic outside HomeKit/ that carries a characteristic.

    In `topic`, `{device}` stands for the device's id, `{node}` for a part of it (each node is a
    service of its own, numbered as they were first heard and kept), `{number}` for a count from
    1, of which service 0 is the first. `command` is where HomeKit's writes go, with the same
    placeholders; without it the characteristic only reports.
    """

    topic: str
    service: str
    characteristic: str
    command: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not belongs(self.service, self.characteristic):
            raise ValueError(f"HomeKit has no {self.service}/{self.characteristic}")
        if "{device}" not in self.topic.split("/"):
            raise ValueError(f"topic {self.topic!r} needs a level {{device}}")
        return self


class OnlineRule(_Data):
    """A topic that says whether a device is there, as its last will does."""

    topic: str
    online: tuple[str, ...]
    offline: tuple[str, ...]


class DeviceProfile(_Data):
    """How a device, or every device of a model, speaks.

    `values` converts payloads on HomeKit/ topics, by "<Service>/<Characteristic>". `command` is
    "same-topic" for a device that listens where it reports. `confirm` is how long, in seconds, it
    may take to report what it was told.
    """

    topics: tuple[TopicRule, ...] = ()
    online: tuple[OnlineRule, ...] = ()
    values: dict[str, Conversion] = {}
    command: Literal["set", "same-topic"] = "set"
    confirm: Annotated[float, Field(gt=0, le=3600)] = 5.0

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.values:
            service, _, characteristic = name.partition("/")
            if not belongs(service, characteristic):
                raise ValueError(f"HomeKit has no {name}")
        return self


class Mapping(_Data):
    """Everything mapped: presets by name, profiles by device id and by model.

    A device's own profile comes before its model's.
    """

    presets: tuple[str, ...] = ()
    devices: dict[str, DeviceProfile] = {}
    models: dict[str, DeviceProfile] = {}

    @model_validator(mode="after")
    def _presets(self) -> Self:
        for name in self.presets:
            if name not in PRESETS:
                raise ValueError(f"there is no preset {name!r}: {', '.join(PRESETS)}")
        return self


def _presets() -> dict[str, DeviceProfile]:
    text = resources.files("hub.mapping").joinpath("presets.json").read_text("utf-8")
    return {
        name: DeviceProfile.model_validate(profile) for name, profile in json.loads(text).items()
    }


PRESETS = _presets()
"""Profiles of well-known firmware, by name."""


def load_file(path: Path) -> Mapping:
    """The mapping in a JSON file. Raises SettingsError with one line: where and what."""
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        return Mapping.model_validate(data)
    except (OSError, ValueError) as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False, include_input=False)[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise SettingsError(f"DORMOUSE_MAPPING={path}: {reason}") from None
