"""What a message means, by its topic and payload (docs/topics.md): bytes in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from contracts.batch import Batch, BriefReport, Entry, read_batch
from contracts.homekit.definitions import INFORMATION
from contracts.payloads import (
    BOOT,
    CONTROL,
    MAX_JSON,
    MAX_SEQ,
    MAX_TEXT,
    MessageRefusedError,
    Problem,
    read_object,
    series_of,
    show,
)
from contracts.reading import SeriesKey, SourceScale
from contracts.topics import ENROL, ROOT, is_device_id

__all__ = [
    "MAX_JSON",
    "AccessoryRemoval",
    "Batch",
    "BriefReport",
    "Enrol",
    "Entry",
    "Ignored",
    "Message",
    "Online",
    "OtaState",
    "Problem",
    "Report",
    "ServiceRemoval",
    "StateValue",
    "parse",
]

MAX_DEVICE_COMMAND = 2**32 - 1  # the largest number that a device takes
MAX_COMMAND = 2**53 - 1  # what every JSON reader holds exactly
_BROADCAST = ip_address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class StateValue:
    """A characteristic's value as text, not yet checked against its format.

    `source` is how the number of a foreign device was read; None for a device of our own.
    """

    series: SeriesKey
    raw: str
    source: SourceScale | None = None


@dataclass(frozen=True, slots=True)
class AccessoryRemoval:
    """The device asks for its accessory to leave HomeKit."""

    series: SeriesKey


@dataclass(frozen=True, slots=True)
class ServiceRemoval:
    """One service of a device is to leave HomeKit, the others stay."""

    device: str
    service: str
    index: int


class _Payload(BaseModel):
    """A JSON payload: types as they are, no conversions; unknown members are kept."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)


M = TypeVar("M", bound=_Payload)


class Report(_Payload):
    """A `$report`; what a device does not know is None. `raw` is the whole of it.

    `since` is in one that a `$batch` completed: `up` of the last that the device said whole.
    """

    firmware: str | None = Field(None, max_length=64)
    board: str | None = Field(None, max_length=64)
    model: str | None = Field(None, max_length=64)
    reset: Literal["power", "watchdog", "soft", "deepsleep", "hard"] | None = None
    boot: str | None = Field(None, pattern=BOOT)
    seq: int | None = Field(None, ge=0, le=MAX_SEQ)
    awake_ms: int | None = Field(None, ge=0, le=MAX_SEQ)
    battery_mv: int | None = Field(None, ge=0, le=65535)
    rssi: int | None = Field(None, ge=-200, le=100)
    heap_free: int | None = Field(None, ge=0, le=MAX_SEQ)
    next_wake_s: int | float | None = Field(None, ge=0, le=MAX_SEQ)
    config: int | None = Field(None, ge=0, le=MAX_SEQ)
    up: int | float | None = Field(None, ge=0, le=MAX_SEQ)
    since: int | float | None = Field(None, ge=0, le=MAX_SEQ)

    device: str = ""

    @property
    def raw(self) -> Mapping[str, Any]:
        """What the device sent, members unknown to us included."""
        return self.model_dump(exclude={"device"}, exclude_unset=True)

    def completed(self, batch: Batch) -> Report | None:
        """The report of a later wake: this one with what the batch's brief one says.

        None if that builds on another, or says what cannot be.
        """
        brief = batch.brief
        base = self.up if self.since is None else self.since
        if brief is None or (self.boot, base) != (batch.boot, brief.since):
            return None
        same = {name: value for name, value in self.raw.items() if name not in _ONCE}
        changes: dict[str, Any] = {name: getattr(brief, name) for name in _CHANGING}
        changes |= {"up": batch.up, "since": brief.since, "device": batch.device}
        if batch.last:
            changes["seq"] = batch.last
        if self.next_wake_s is not None:
            # After any other reset a device says its report whole.
            changes["reset"] = "deepsleep"
        try:
            return Report.model_validate({**same, **changes})
        except ValidationError:
            return None


_CHANGING = ("awake_ms", "rssi", "heap_free", "battery_mv")
# What a device says of one report alone: no later wake says it anew.
_ONCE = frozenset({"place"})


def _address(text: str | None) -> str | None:
    """An address that a device can have."""
    if text is not None:
        found = ip_address(text)
        if found.is_multicast or found.is_unspecified or found == _BROADCAST:
            raise ValueError("no address of a device")
    return text


class OtaState(_Payload):
    """An `$ota/state`: how far an update of a device has come.

    `id` is the command's (None for one that the device could not read), `version` the one that
    runs, `address` where to stream to, `last` the number of the command that was followed last,
    which a refusal as `old` has.
    """

    id: int | None = Field(None, ge=1, le=MAX_COMMAND)
    state: Literal["accepted", "refused", "updating", "updated", "failed"]
    version: str | None = Field(None, max_length=64)
    address: Annotated[str | None, AfterValidator(_address)] = Field(None, max_length=45)
    reason: str | None = Field(None, max_length=200)
    last: int | None = Field(None, ge=1, le=MAX_DEVICE_COMMAND)

    device: str = ""


class Enrol(_Payload):
    """An enrolment: the id and the password that the device made at its first boot."""

    id: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=16, max_length=128, pattern=r"^[!-~]+$", repr=False)
    model: str = Field("", max_length=64)
    firmware: str = Field("", max_length=64)


@dataclass(frozen=True, slots=True)
class Online:
    """A device that stays awake came (True) or is gone (False, by its last will).

    None: nothing is known of it any more, as when the gateway that speaks for it is back.
    """

    device: str
    online: bool | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A topic that is the hub's to write (`$ack`, `/set`, ...): nothing to learn from it."""

    device: str
    topic: str


Message: TypeAlias = (
    StateValue
    | AccessoryRemoval
    | ServiceRemoval
    | Batch
    | Report
    | OtaState
    | Enrol
    | Online
    | Ignored
)


def parse(topic: str, payload: bytes) -> Message | Problem:
    """The meaning of a message, or why it has none. Never raises, whatever the bytes."""
    levels = topic.split("/")
    device = levels[1] if len(levels) > 1 and is_device_id(levels[1]) else None
    if device is None or levels[0] not in {ROOT, ENROL}:
        return Problem("device-id" if len(levels) > 1 else "topic", device, show(topic))
    try:
        if levels[0] == ENROL:
            return _enrol(device, levels[2:], payload)
        return _homekit(device, levels[2:], payload)
    except MessageRefusedError as refused:
        return Problem(refused.kind, device, refused.detail[:200])


def _homekit(device: str, rest: list[str], payload: bytes) -> Message:
    if rest and rest[0].startswith("$"):
        return _special(device, "/".join(rest), payload)
    if len(rest) > 2 and rest[-1] == "set":
        return Ignored(device, "/".join(rest))
    series = series_of(device, "/".join(rest))
    if not payload:
        # Without a name, or a model, a device is one all the same.
        about = series.service == INFORMATION
        return Ignored(device, series.name) if about else AccessoryRemoval(series)
    return StateValue(series, _text(payload))


def _special(device: str, name: str, payload: bytes) -> Message:
    match name:
        case "$batch":
            return read_batch(device, read_object(payload))
        case "$report":
            return _model(Report, {**read_object(payload), "device": device})
        case "$ota/state":
            return _model(OtaState, {**read_object(payload), "device": device})
        case "$online":
            if payload not in {b"0", b"1"}:
                raise MessageRefusedError("online", f"$online is {show(payload[:40])}, not 1 or 0")
            return Online(device, payload == b"1")
        case "$ack" | "$config" | "$ota":
            return Ignored(device, name)
    raise MessageRefusedError("topic", f"there is no topic {show(name)}")


def _enrol(device: str, rest: list[str], payload: bytes) -> Enrol:
    if rest:
        raise MessageRefusedError("topic", "enrol/<id> has two levels")
    enrol = _model(Enrol, read_object(payload))
    if enrol.id != device:
        raise MessageRefusedError(
            "enrol", f"the topic names {device}, the payload {show(enrol.id)}"
        )
    return enrol


def _text(payload: bytes) -> str:
    if len(payload) > MAX_TEXT:
        raise MessageRefusedError("too-large", f"{len(payload)} bytes where {MAX_TEXT} are allowed")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise MessageRefusedError("utf-8", "the value is not UTF-8") from None
    if CONTROL.search(text):
        raise MessageRefusedError("control", f"control characters in {show(text)}")
    return text


def _model(model: type[M], payload: dict[str, Any]) -> M:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MessageRefusedError(model.__name__.lower(), f"{where}: {first['msg']}") from None
