"""What a mapping says: plain data, as it stands in a file and in the database."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.homekit.definitions import belongs
from contracts.topics import is_device_id
from hub.mapping.units import UNITS, unit_of

__all__ = [
    "Alias",
    "Conversion",
    "Data",
    "Described",
    "DeviceProfile",
    "Gateway",
    "Inventory",
    "OnlineRule",
    "TopicRule",
    "device_ids",
]

_Finite = Annotated[float, Field(allow_inf_nan=False)]
Silence = Annotated[float, Field(ge=1, le=366 * 86400)]
"""Seconds a device may say nothing before it counts as gone."""


class Data(BaseModel):
    """Read only, and nothing that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Conversion(Data):
    """From a device's payload to HomeKit's value; applied in this order.

    `path` finds the value in a JSON payload (hub/mapping/paths.py); a pattern in it finds several,
    each a service of its own. `color` takes the hue or the saturation of a colour; `color_format`
    is what bare numbers of one are. `words` replaces whole payloads, in any case ("ON": "1"; null:
    says nothing); `others` are payloads that no word names, taken as they are or skipped. `unit` is
    what the device measures in, or `unit_path` where the payload says so. `scale` multiplies, then
    `offset` is added. `invert` swaps true and false, or 0 and 100 where the value is a percentage.

    Commands go the other way; `command_words` then come before `words`, and `digits` is how many
    decimals are sent.

    `minimum`, `maximum`, `step` and `allowed` (values of a state) are what HomeKit offers and
    shows; `thresholds` the limits of the state that follows (one, or four for an air quality).
    """

    path: str = ""
    color: Literal["hue", "saturation"] | None = None
    color_format: Literal["rgb", "hsv", "xyz"] = "hsv"
    words: dict[str, str | None] = {}
    others: Literal["keep", "skip"] = "keep"
    unit: str | None = None
    unit_path: str = ""
    scale: _Finite = 1
    offset: _Finite = 0
    invert: bool = False
    command_words: dict[str, str] = {}
    digits: Annotated[int, Field(ge=0, le=6)] | None = None
    minimum: _Finite | None = None
    maximum: _Finite | None = None
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    allowed: tuple[int, ...] = ()
    thresholds: tuple[_Finite, ...] = ()

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str | None) -> str | None:
        known = unit_of(unit)
        if unit is not None and known is None:
            raise ValueError(f"unit {unit!r} is none of {', '.join(UNITS)}")
        return known

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.scale == 0:
            raise ValueError("scale 0 would lose the value")
        return self


class TopicRule(Conversion):
    """A topic outside HomeKit/ that carries a characteristic, and how it is commanded.

    In `topic`, `{device}` stands for the device's id, `{name}` for a name of it with spaces and
    slashes, `{node}` and `{property}` for a part of it (each part is a service of its own, numbered
    as they were first heard and kept), `{number}` for a count from `first`, of which service 0 is
    the first. A place may say what it takes: `{node:*temperature*}`. Without a `topic` the rule is
    for commands alone.

    `command` is where HomeKit's writes go, with the same placeholders, `payload` a template around
    the value; without `command` the characteristic only reports.

    Which service it is: `index` says it outright; `part` names the part where the topic does not,
    and rules with one part speak of one service; `beside` takes the number of the last such member
    beside the value (Tasmota's lamp is the last POWER); `id` says which member holds the address of
    what a pattern found, `exclude` what is not meant by it.

    `counter` is where a message counts: one with the count of before says nothing new (a button's
    last press, told again every minute).

    `when` and `unless` are paths that must or must not lead somewhere, or to a word (`mode=white`),
    one or several (hub/mapping/conditions.py). `yields_to` is the service
    that the values belong to once that was heard for the same part (a switch turns out a lamp).
    `own_words`: what a device calls the values there are another service's words (a lamp's ON is no
    lock's). `unit_topic` is where the device names its unit, `unit_topic_path` where in a JSON
    payload.
    `silent_after` is how long a device that speaks so may be silent, in seconds.
    """

    topic: str = ""
    service: str
    characteristic: str
    command: str | None = None
    payload: str | dict[str, Any] | list[Any] = "{value}"
    index: Annotated[int, Field(ge=0, le=99)] | None = None
    part: str | None = None
    first: Literal[0, 1] = 1
    beside: str = ""
    id: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    counter: str = ""
    when: str | tuple[str, ...] = ""
    unless: str | tuple[str, ...] = ""
    yields_to: str | None = None
    own_words: bool = False
    unit_topic: str = ""
    unit_topic_path: str = ""
    silent_after: Silence | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not belongs(self.service, self.characteristic):
            raise ValueError(f"HomeKit has no {self.service}/{self.characteristic}")
        if self.topic and not {"{device}", "{name}"} & set(_levels(self.topic)):
            raise ValueError(f"topic {self.topic!r} needs a level {{device}}")
        return self


def _levels(topic: str) -> list[str]:
    """The topic's levels; a place that may be several is one all the same."""
    return topic.split("/")


class Alias(Data):
    """Another topic for the rules of one: their values stand there `under` a member."""

    topic: str
    of: str
    under: str = ""


class Described(Data):
    """Where devices say what their properties are (see hub/mapping/described.py).

    Either `topic` has `{topic}` (the value's own) and `{attribute}`, or it is one JSON document, in
    which a property stands at `path`; `{property}` is the value's member, else its topic's end.
    `members` are the document's names for a fact where they are others, several where a program
    has more than one; `least` and `most` are known only by such names. At `part`, `{number}` in it,
    stands what is said of single parts: their service and their name. `services` are those that it
    speaks of, or single characteristics ("Fan/RotationSpeed"); none: all.
    """

    topic: str
    path: str = ""
    members: dict[
        Literal["unit", "format", "datatype", "settable", "least", "most"], str | tuple[str, ...]
    ] = {}
    part: str = ""
    services: tuple[str, ...] = ()


class Inventory(Data):
    """A topic where devices are listed with what they are, each by an address that stays its own.

    `form` is whose it is: Zigbee2MQTT's list of all (hub/mapping/exposes.py), or Tasmota's
    discovery, a topic for each (hub/mapping/discovery.py). What is said of a device called
    `{name}` or `{device}` is taken as if it stood at the topic `describes`.
    """

    topic: str
    describes: str
    form: Literal["zigbee2mqtt", "tasmota"] = "zigbee2mqtt"


class OnlineRule(Data):
    """A topic that says whether a device is there, as its last will does.

    `path` is where a JSON payload says so. One without `{device}` is a gateway's: when it is gone,
    so is all that it speaks for. `asleep` is a service whose devices only sleep when they say that
    they are offline. A device may share the connection of another, which it names at `root_topic`
    (`root_path` in its JSON): when that one says a word of `lost` it is gone too. `asleep_path` is
    where its description says that the device itself sleeps.
    """

    topic: str
    online: tuple[str, ...]
    offline: tuple[str, ...]
    path: str = ""
    asleep: str | None = None
    asleep_path: str = ""
    root_topic: str = ""
    root_path: str = ""
    lost: tuple[str, ...] = ()


class DeviceProfile(Data):
    """How a device, or every device of a model, speaks.

    `values` converts payloads on HomeKit/ topics, by "<Service>/<Characteristic>". `command` is
    "same-topic" for a device that listens where it reports. `confirm` is how long, in seconds, it
    may take to report what it was told; `silent_after` how long it may say nothing. `ignore` are
    topics that look like one of `topics` and are not. `described` and `inventory`: see there.
    """

    topics: tuple[TopicRule, ...] = ()
    aliases: tuple[Alias, ...] = ()
    online: tuple[OnlineRule, ...] = ()
    ignore: tuple[str, ...] = ()
    described: Described | tuple[Described, ...] | None = None
    inventory: Inventory | None = None
    values: dict[str, Conversion] = {}
    command: Literal["set", "same-topic"] = "set"
    confirm: Annotated[float, Field(gt=0, le=3600)] = 5.0
    silent_after: Silence | None = None

    @property
    def descriptions(self) -> tuple[Described, ...]:
        """All that say what properties are."""
        if self.described is None:
            return ()
        return self.described if isinstance(self.described, tuple) else (self.described,)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.values:
            service, _, characteristic = name.partition("/")
            if not belongs(service, characteristic):
                raise ValueError(f"HomeKit has no {name}")
        return self


class Gateway(Data):
    """An account that publishes for many devices: by these presets and profiles."""

    speaks: tuple[str, ...]

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.speaks:
            raise ValueError("a gateway speaks by some preset or profile")
        return self


def device_ids(devices: dict[str, DeviceProfile]) -> None:
    """Raises ValueError for a name that no device can have."""
    for device in devices:
        if not is_device_id(device):
            raise ValueError(f"{device!r} is no device's id: 1 to 64 of A-Z a-z 0-9 _ -")
