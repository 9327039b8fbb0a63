"""What a rollout is: its target, its options, where it and each of its devices stand. Values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, time
from enum import StrEnum
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

__all__ = [
    "OVER",
    "DeviceBaseline",
    "DeviceHealth",
    "DeviceState",
    "FirmwareTarget",
    "ReportSample",
    "Rollout",
    "RolloutDevice",
    "RolloutOptions",
    "RolloutPhase",
    "SettingsTarget",
    "Target",
    "Transition",
    "changed",
    "size_of",
]


class DeviceState(StrEnum):
    """Where a device stands; docs/updates.md has the drawing."""

    PENDING = "pending"  # no command is out
    COMMANDED = "commanded"  # the command waits at the broker
    ACCEPTED = "accepted"  # the device said yes and waits for a free stream
    UPDATING = "updating"  # it was told to go: the stream is being sent
    VERIFYING = "verifying"  # everything was sent: the device has to come back
    UPDATED = "updated"
    FAILED = "failed"
    SKIPPED = "skipped"


OVER = frozenset({DeviceState.UPDATED, DeviceState.FAILED, DeviceState.SKIPPED})
"""States that a device does not leave."""

COMMAND_OUT = frozenset({DeviceState.COMMANDED, DeviceState.ACCEPTED})
"""States in which the command is out and can still be taken back."""


class RolloutPhase(StrEnum):
    """Where a rollout stands."""

    RUNNING = "running"
    PAUSED = "paused"  # by a person
    HALTED = "halted"  # by a gate or too many failures; a person resumes or aborts
    ABORTING = "aborting"  # devices in the middle are finished
    ABORTED = "aborted"
    DONE = "done"

    @property
    def over(self) -> bool:
        """Whether nothing will happen any more."""
        return self in {RolloutPhase.ABORTED, RolloutPhase.DONE}


class DeviceHealth(StrEnum):
    """What the gate says of an updated device."""

    UNKNOWN = ""  # not updated, or no gate
    WATCHED = "watched"
    GOOD = "good"
    BAD = "bad"
    FORGIVEN = "forgiven"  # bad, and a person resumed


_SIZE = re.compile(r"[1-9]\d{0,5}|(100|[1-9]?\d)(\.\d{1,3})?%")
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")


def _size(text: str) -> str:
    if not _SIZE.fullmatch(text) or text in {"0%", "0.0%"}:
        raise ValueError(f"{text!r} is neither a number of devices nor a percentage like 25%")
    return text


def size_of(text: str, total: int) -> int:
    """How many of `total` devices a size means: at least one. `10` is ten, `25%` a quarter."""
    if text.endswith("%"):
        return max(1, math.ceil(float(text[:-1]) * total / 100))
    return int(text)


def _windows(windows: tuple[str, ...]) -> tuple[str, ...]:
    for text in windows:
        if not _WINDOW.fullmatch(text) or text.endswith(tuple(f"24:{n:02}" for n in range(1, 60))):
            raise ValueError(f"{text!r} is not a window like 22:00-06:00")
        if text[:5] == text[6:]:
            raise ValueError(f"{text!r} is a window of no length")
    return windows


Size = Annotated[str, AfterValidator(_size)]


class RolloutOptions(BaseModel):
    """How a rollout goes about it. Times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    canary: int = Field(1, ge=0, le=1000, description="devices that go first; 0: no canary")
    wave: Size = Field("25%", description="devices in each wave after it, a number or percentage")
    halt_at: Size = Field("3", description="failures that halt it; of the canary one is enough")
    streams: int = Field(2, ge=1, le=32, description="devices streamed to at the same time")
    attempts: int = Field(3, ge=1, le=10, description="attempts a device")
    backoff_s: float = Field(60, ge=0, le=86400, description="pause after a failed attempt, doubled"
                             " each time")  # fmt: skip
    battery_mv: int = Field(0, ge=0, le=65535, description="skip devices below; 0: whatever it is")
    windows: Annotated[tuple[str, ...], AfterValidator(_windows)] = Field(
        (), max_length=10, description="local times in which devices may be updated, 22:00-06:00"
    )
    timezone: str = Field("UTC", description="whose local time that is")
    patience_s: float = Field(86400, ge=1, le=366 * 86400, description="silence that fails a device"
                              " to which a command is out")  # fmt: skip
    verify_s: float = Field(300, ge=1, le=86400, description="time to come back after the stream")
    reports: int = Field(3, ge=0, le=100, description="reports of the new version before a device "
                         "counts as healthy; 0: no gate between waves")  # fmt: skip
    awake_percent: float = Field(
        50, ge=0, le=10000, description="percent of awake time more than before that halt it"
    )
    heap_percent: float = Field(
        25, ge=0, le=100, description="percent of free heap less than before that halt it"
    )
    gaps: int = Field(
        5, ge=0, le=100000, description="readings missing more than before that halt it"
    )
    downgrade: bool = Field(False, description="allow a version lower than the running one")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone like Europe/Berlin") from None
        return name

    def hours(self) -> list[tuple[time, time]]:
        """The windows as local times; an end of 00:00 is midnight at the day's end."""
        return [
            (time.fromisoformat(text[:5]), time.fromisoformat(text[6:].replace("24:00", "00:00")))
            for text in self.windows
        ]


class FirmwareTarget(BaseModel):
    """An image of the store, as it was when the rollout began."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["firmware"] = "firmware"
    image: int
    version: str
    board: str = ""
    size: int
    digest: str = ""
    key: str = ""
    counter: int = 0


class SettingsTarget(BaseModel):
    """Settings that devices shall have; a device's command is a version of its `$config`."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["settings"] = "settings"
    changes: dict[str, Any]


Target: TypeAlias = Annotated[FirmwareTarget | SettingsTarget, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class ReportSample:
    """What one `$report` says of a device's health; `at` is when it came."""

    at: datetime
    firmware: str | None = None
    board: str | None = None
    config: int | None = None
    reset: str | None = None
    boot: str | None = None
    seq: int | None = None
    awake_ms: int | None = None
    heap_free: int | None = None
    battery_mv: int | None = None
    next_wake_s: float | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: Mapping[str, Any], at: datetime) -> ReportSample:
        """From a report's members; what is not of the right kind is as if it were not there."""
        return cls(
            at,
            firmware=_text(report.get("firmware")),
            board=_text(report.get("board")),
            config=_whole(report.get("config")),
            reset=_text(report.get("reset")),
            boot=_text(report.get("boot")),
            seq=_whole(report.get("seq")),
            awake_ms=_whole(report.get("awake_ms")),
            heap_free=_whole(report.get("heap_free")),
            battery_mv=_whole(report.get("battery_mv")),
            next_wake_s=_number(report.get("next_wake_s")),
            problems=_texts(report.get("problems")),
        )

    def refused(self, changes: Iterable[str]) -> list[str]:
        """What it says against these settings: one it does not take, a WiFi it fell back from."""
        return [
            problem
            for problem in self.problems
            for name in changes
            if re.match(rf"(setting )?{re.escape(name)}\b", problem)
        ]


def _texts(value: object) -> tuple[str, ...]:
    """A list's texts, at most so many of such a length: a device says what it likes.

    Twelve sensors may have five each, and what is said of settings comes behind them.
    """
    if not isinstance(value, list):
        return ()
    return tuple(text[:200] for text in value[:100] if isinstance(text, str))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class DeviceBaseline:
    """What is known of a device when a rollout begins.

    `sample` is its last report, `usual` the mean of the last days' as if it were one. `command` is
    the last command it was ever given, `gaps` how many of its readings are missing.
    """

    sample: ReportSample | None = None
    command: int = 0
    gaps: int = 0
    usual: ReportSample | None = None


@dataclass(frozen=True, slots=True)
class RolloutDevice:
    """One device of a rollout.

    `command` is the last command's number, kept when it was taken back; `attempts` how many
    failed; `since` when `state` began; `not_before` when it may be commanded again; `due` when
    patience with the present state ends (None: see the plan); `heard_at` the last sign of life;
    `wakes` the reports since the last answer. `sent`: an image was sent whole; `claimed`: the
    device said that it was updated. `stranded`: a stream to it was lost half-way: it waits in its
    OTA server and hears no commands. `pending_clear`: the broker has yet to be told to forget the
    command. `before` are reports of the time before the command, `after` of the target, oldest
    first. `former`: the settings as they were before, of those that are rolled out.
    """

    device: str
    wave: int
    since: datetime
    state: DeviceState = DeviceState.PENDING
    attempts: int = 0
    command: int = 0
    reason: str = ""
    address: str | None = None
    not_before: datetime | None = None
    due: datetime | None = None
    heard_at: datetime | None = None
    wakes: int = 0
    sent: bool = False
    claimed: bool = False
    stranded: bool = False
    pending_clear: bool = False
    health: DeviceHealth = DeviceHealth.UNKNOWN
    health_reason: str = ""
    gaps_before: int = 0
    before: tuple[ReportSample, ...] = ()
    after: tuple[ReportSample, ...] = ()
    former: Mapping[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Whether the device has come to its end."""
        return self.state in OVER

    @property
    def last(self) -> ReportSample | None:
        """The newest report known."""
        return (self.after or self.before or (None,))[-1]


_NAMES = tuple(each.name for each in fields(RolloutDevice))
_VALUES = attrgetter(*_NAMES)


def changed(device: RolloutDevice, **changes: Any) -> RolloutDevice:
    """A device with other values, in less time than dataclasses.replace: it is most of a step."""
    return RolloutDevice(**{**dict(zip(_NAMES, _VALUES(device), strict=True)), **changes})


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout without its devices.

    `wave` is the one that is going on, from 0. `forgiven` is how many failures a person has
    looked past by resuming. `revision` counts what was committed.
    """

    id: int
    target: FirmwareTarget | SettingsTarget
    options: RolloutOptions
    created_at: datetime
    created_by: str = ""
    phase: RolloutPhase = RolloutPhase.RUNNING
    reason: str = ""
    wave: int = 0
    forgiven: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of the recorded history.

    `what` is `state` (of a device), `health` (of a device), `phase` or `wave` (of the rollout:
    `device` is None).
    """

    at: datetime
    what: Literal["state", "health", "phase", "wave"]
    device: str | None
    before: str
    after: str
    reason: str = ""
    command: int | None = None
