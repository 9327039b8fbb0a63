"""Rules, alerts, channels: the values, and a rule's sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from pydantic import BaseModel, Field, field_validator, model_validator

from contracts.homekit.quantities import Quantity, quantity
from contracts.reading import SeriesKey
from contracts.show import count
from hub.notifications.hours import DayHours, Hours

__all__ = [
    "Alert",
    "ChannelKind",
    "NotifyChannel",
    "Rule",
    "RuleKind",
    "RuleOptions",
    "Told",
    "kind_of",
    "limit_said",
    "sentence",
    "state_word",
]


class RuleKind(StrEnum):
    """What can be told of."""

    VALUE = "value"
    SILENT = "silent"
    BATTERY = "battery"
    ODD = "odd"
    ROLLOUT = "rollout"
    HOOK = "hook"
    BACKUP = "backup"
    AWAY = "away"
    DISK = "disk"
    TUNNEL = "tunnel"
    CHANNEL = "channel"
    """A channel that does not work: told by itself, there are no rules of it."""

    @property
    def of_devices(self) -> bool:
        """Whether it is about devices, and so about a place or one of them."""
        return self in _OF_DEVICES

    @property
    def of_the_machine(self) -> bool:
        """Whether it is about the hub's machine: for who runs the hub, its own tenant, alone."""
        return self in {RuleKind.BACKUP, RuleKind.DISK}


_OF_DEVICES = {RuleKind.VALUE, RuleKind.SILENT, RuleKind.BATTERY, RuleKind.ODD}


class ChannelKind(StrEnum):
    """How a channel is spoken to."""

    APPRISE = "apprise"
    WEBHOOK = "webhook"


class Told(StrEnum):
    """What a message says of an alert."""

    OPENED = "opened"
    ENDED = "ended"
    ESCALATED = "escalated"
    """Nobody acknowledged it in time."""


class RuleOptions(BaseModel, extra="forbid", frozen=True):
    """What a rule looks at. Which of these go with which kind: `check_for`."""

    characteristic: str = Field(
        "", max_length=64, description="value: which one", examples=["CurrentTemperature"]
    )
    above: float | None = Field(None, description="value: told above this, in its unit")
    below: float | None = Field(None, description="value: told below this")
    margin: float | None = Field(
        None, ge=0, description="value: by how much it has to come back; None: as fits its unit"
    )
    lasting_s: float = Field(
        0,
        ge=0,
        le=7 * 86400,
        description="value: for how long; hub away, tunnel down: from how long on",
    )
    missed: int = Field(2, ge=1, le=100, description="silent: wakes missed before it is told")
    percent: float | None = Field(
        None, ge=0, le=100, description="battery: told below this charge; None: the device says"
    )
    within_days: int | None = Field(
        None, ge=1, le=365, description="battery: told when it will be empty within so many days"
    )
    hours_from: time | None = Field(
        None, description="told at these hours alone, by the clock of the place", examples=["22:00"]
    )
    hours_until: time | None = Field(
        None, description="until then, over midnight where that is earlier", examples=["06:00"]
    )

    @field_validator("hours_from", "hours_until")
    @classmethod
    def _wall_clock(cls, given: time | None) -> time | None:
        return None if given is None else given.replace(second=0, microsecond=0, tzinfo=None)

    @model_validator(mode="after")
    def _one_side(self) -> RuleOptions:
        if self.above is not None and self.below is not None:
            raise ValueError("above and below together: make two rules")
        if (self.hours_from is None) != (self.hours_until is None):
            raise ValueError("hours_from and hours_until go together")
        if self.hours_from is not None and self.hours_from == self.hours_until:
            raise ValueError("hours that begin and end at the same time are none: leave them out")
        return self

    @property
    def hours(self) -> DayHours | None:
        """The hours in which it holds; None: always."""
        if self.hours_from is None or self.hours_until is None:
            return None
        return DayHours(self.hours_from, self.hours_until)

    def lacking(self, kind: RuleKind) -> str | None:
        """What a rule of that kind needs and these have not, as a sentence."""
        limits = self.above is not None or self.below is not None
        if kind is RuleKind.VALUE and not (self.characteristic and limits):
            return "a rule about a value needs the characteristic, and above or below"
        if kind is not RuleKind.VALUE and (limits or self.characteristic):
            return f"a rule of kind {kind} has no limits: those are of kind value"
        return None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `place` and `device` None: all of the tenant. `person` None: everybody's.

    `place_name` and `device_name` are for people, `channels` the numbers of those it tells,
    `escalate` of those that are told besides where nobody acknowledged within `escalate_after_s`.
    """

    id: int
    name: str
    kind: RuleKind
    options: RuleOptions
    place: int | None = None
    device: str | None = None
    place_name: str | None = None
    device_name: str | None = None
    urgent: bool = False
    enabled: bool = True
    person: int | None = None
    channels: tuple[int, ...] = ()
    escalate: tuple[int, ...] = ()
    escalate_after_s: int | None = None
    made_by: str = ""
    created_at: datetime | None = None

    @property
    def where(self) -> str:
        """Whom it is about: a device, a place, or nothing for all."""
        if self.device is not None:
            return self.device_name or self.device
        return self.place_name or ""


@dataclass(frozen=True, slots=True)
class NotifyChannel:
    """Where messages go, without its secrets; `shown` is what may be told of the address."""

    id: int
    name: str
    kind: ChannelKind
    shown: str
    anywhere: bool
    hours: Hours
    person: int | None
    made_by: str
    sent_at: datetime | None = None
    failed_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something there was to tell, once for each subject while it goes on (`ended_at` None)."""

    id: int
    rule: int | None
    kind: RuleKind
    subject: str
    device: str | None
    place: int | None
    name: str
    text: str
    urgent: bool
    since: datetime
    opened_at: datetime
    ended_at: datetime | None = None
    ended_text: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    person: int | None = None


def kind_of(characteristic: str) -> Quantity:
    """Label, unit and words of a characteristic, whatever service it is of."""
    return quantity(SeriesKey("", "", 0, characteristic))


def sentence(rule: Rule) -> str:
    """The rule as people say it: `Cellar: temperature below 3.0 °C for 20 min`."""
    options = rule.options
    said = _WORDS[rule.kind](options)
    if options.hours_from is not None and options.hours_until is not None:
        said += f" between {options.hours_from:%H:%M} and {options.hours_until:%H:%M}"
    return f"{rule.where}: {said}" if rule.where else said[:1].upper() + said[1:]


def limit_said(options: RuleOptions) -> str:
    """The limit of a rule about a value: `below 3.0 °C`; of a state its word, `open`."""
    word = state_word(options)
    if word is not None:
        return word
    limit = options.above if options.above is not None else options.below or 0.0
    unit = kind_of(options.characteristic).unit
    return f"{'above' if options.above is not None else 'below'} {limit:g} {unit}".rstrip()


def state_word(options: RuleOptions) -> str | None:
    """Of a rule about a state the word for what it tells of; None for what is measured."""
    limit = options.above if options.above is not None else options.below or 0.0
    above = options.above is not None
    words = kind_of(options.characteristic).words
    return words.get(math.floor(limit) + 1 if above else math.ceil(limit) - 1)


def _value(options: RuleOptions) -> str:
    label = kind_of(options.characteristic).label.lower()
    limit = limit_said(options)
    lasting = f" for {_exactly(options.lasting_s)}" if options.lasting_s else ""
    return f"{label if limit != label else ''} {limit}{lasting}".strip()


def _exactly(seconds: float) -> str:
    """`20 min`, `100 min`, `36 h`: in the largest unit that says all of it."""
    for length, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds % length == 0:
            number = round(seconds / length)
            return count(number, unit) if unit == "day" else f"{number} {unit}"
    return f"{seconds:g} s"


def _battery(options: RuleOptions) -> str:
    said = "battery low" if options.percent is None else f"battery below {options.percent:g} %"
    if options.within_days is None:
        return said
    return f"{said}, or empty within {count(options.within_days, 'day')}"


def _away(options: RuleOptions) -> str:
    lasting = f" for more than {_exactly(options.lasting_s)}" if options.lasting_s else ""
    return f"the hub, or its broker, was away{lasting}"


def _tunnel(options: RuleOptions) -> str:
    lasting = f" for {_exactly(options.lasting_s)}" if options.lasting_s else ""
    return f"a site's tunnel is down{lasting}"


_WORDS: dict[RuleKind, Callable[[RuleOptions], str]] = {
    RuleKind.VALUE: _value,
    RuleKind.SILENT: lambda o: f"silent, {count(o.missed, 'report')} missed",
    RuleKind.BATTERY: _battery,
    RuleKind.ODD: lambda _: "unusual values",
    RuleKind.ROLLOUT: lambda _: "a rollout halted",
    RuleKind.HOOK: lambda _: "a hook's run failed or passed",
    RuleKind.BACKUP: lambda _: "the backup failed",
    RuleKind.AWAY: _away,
    RuleKind.DISK: lambda _: "the disk is nearly full",
    RuleKind.TUNNEL: _tunnel,
    RuleKind.CHANNEL: lambda _: "a channel does not work",
}
