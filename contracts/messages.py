"""What a message means, by its topic and payload (docs/topics.md): bytes in, values out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Annotated, Any, Literal, TypeAlias, TypeGuard, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from contracts.reading import SeriesKey, Value
from contracts.topics import ENROL, ROOT, is_device_id

__all__ = [
    "Batch",
    "Enrol",
    "Entry",
    "Ignored",
    "Message",
    "Online",
    "OtaState",
    "Problem",
    "Removal",
    "Report",
    "StateValue",
    "parse",
]

MAX_JSON = 16 * 1024  # docs/topics.md
MAX_TEXT = 1024  # HAP's longest string is 256 characters; the rest is room for UTF-8
MAX_ENTRIES = 512  # 492 bytes of RTC memory hold fewer; a bound on the work of one message
MAX_INDEX = 99  # HAP allows 100 services in an accessory
MAX_SEQ = 2**31 - 1
MAX_COMMAND = 2**53 - 1  # what every JSON reader holds exactly
_BROADCAST = ip_address("255.255.255.255")
MAX_AGE = 366 * 86400  # s; older than any battery lasts through a lost connection

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,63}")  # HAP has a PM2.5Density
_INDEX = re.compile(r"0|[1-9][0-9]?")
_BOOT = r"^[0-9a-f]{8}$"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a message (or one entry of a batch) was refused.

    `kind` is one of a small fixed set of names and safe to count by; `device` is None where no
    device could be named; `detail` is for a person, at most 200 characters.
    """

    kind: str
    device: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class StateValue:
    """A characteristic's value as text, not yet checked against its format."""

    series: SeriesKey
    raw: str


@dataclass(frozen=True, slots=True)
class Removal:
    """The device asks for its accessory to leave HomeKit."""

    series: SeriesKey


@dataclass(frozen=True, slots=True)
class Entry:
    """One reading of a batch; `age` in seconds when the message was made."""

    seq: int
    age: float
    series: SeriesKey
    raw: Value


@dataclass(frozen=True, slots=True)
class Batch:
    """A `$batch`: the entries that were well-formed, and what was wrong with the others.

    The message holds all that the device still has of (after, last]; `last` is the highest
    sequence number it named, refused entries included (`after` for none). `up` in seconds.
    """

    device: str
    boot: str
    up: float
    lost: int
    after: int
    last: int
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


class _Payload(BaseModel):
    """A JSON payload: types as they are, no conversions; unknown members are kept."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow", allow_inf_nan=False)


M = TypeVar("M", bound=_Payload)


class Report(_Payload):
    """A `$report`; what a device does not know is None. `raw` is the whole of it."""

    firmware: str | None = Field(None, max_length=64)
    board: str | None = Field(None, max_length=64)
    model: str | None = Field(None, max_length=64)
    reset: Literal["power", "watchdog", "soft", "deepsleep", "hard"] | None = None
    boot: str | None = Field(None, pattern=_BOOT)
    seq: int | None = Field(None, ge=0, le=MAX_SEQ)
    awake_ms: int | None = Field(None, ge=0, le=MAX_SEQ)
    battery_mv: int | None = Field(None, ge=0, le=65535)
    rssi: int | None = Field(None, ge=-200, le=100)
    heap_free: int | None = Field(None, ge=0, le=MAX_SEQ)
    next_wake_s: int | float | None = Field(None, ge=0, le=MAX_SEQ)
    config: int | None = Field(None, ge=0, le=MAX_SEQ)
    up: int | float | None = Field(None, ge=0, le=MAX_SEQ)

    device: str = ""

    @property
    def raw(self) -> Mapping[str, Any]:
        """What the device sent, members unknown to us included."""
        return self.model_dump(exclude={"device"}, exclude_unset=True)


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
    runs, `address` where to stream to.
    """

    id: int | None = Field(None, ge=1, le=MAX_COMMAND)
    state: Literal["accepted", "refused", "updating", "updated", "failed"]
    version: str | None = Field(None, max_length=64)
    address: Annotated[str | None, AfterValidator(_address)] = Field(None, max_length=45)
    reason: str | None = Field(None, max_length=200)

    device: str = ""


class Enrol(_Payload):
    """An enrolment: the id and the password that the device made at its first boot."""

    id: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=16, max_length=128, pattern=r"^[!-~]+$", repr=False)
    model: str = Field("", max_length=64)
    firmware: str = Field("", max_length=64)


@dataclass(frozen=True, slots=True)
class Online:
    """A device that stays awake came (True) or is gone (False, by its last will)."""

    device: str
    online: bool


@dataclass(frozen=True, slots=True)
class Ignored:
    """A topic that is the hub's to write (`$ack`, `/set`, ...): nothing to learn from it."""

    device: str
    topic: str


Message: TypeAlias = StateValue | Removal | Batch | Report | OtaState | Enrol | Online | Ignored


class _RefusedError(Exception):
    """Parsing ends here; `kind` and `detail` go into the Problem."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


def parse(topic: str, payload: bytes) -> Message | Problem:
    """The meaning of a message, or why it has none. Never raises, whatever the bytes."""
    levels = topic.split("/")
    device = levels[1] if len(levels) > 1 and is_device_id(levels[1]) else None
    if device is None or levels[0] not in {ROOT, ENROL}:
        return Problem("device-id" if len(levels) > 1 else "topic", device, _show(topic))
    try:
        if levels[0] == ENROL:
            return _enrol(device, levels[2:], payload)
        return _homekit(device, levels[2:], payload)
    except _RefusedError as refused:
        return Problem(refused.kind, device, refused.detail[:200])


def _homekit(device: str, rest: list[str], payload: bytes) -> Message:
    if rest and rest[0].startswith("$"):
        return _special(device, "/".join(rest), payload)
    if len(rest) > 2 and rest[-1] == "set":
        return Ignored(device, "/".join(rest))
    series = _series(device, "/".join(rest))
    if not payload:
        return Removal(series)
    return StateValue(series, _text(payload))


def _special(device: str, name: str, payload: bytes) -> Message:
    match name:
        case "$batch":
            return _batch(device, _object(payload))
        case "$report":
            return _model(Report, {**_object(payload), "device": device})
        case "$ota/state":
            return _model(OtaState, {**_object(payload), "device": device})
        case "$online":
            if payload not in {b"0", b"1"}:
                raise _RefusedError("online", f"$online is {_show(payload[:40])}, not 1 or 0")
            return Online(device, payload == b"1")
        case "$ack" | "$config" | "$ota":
            return Ignored(device, name)
    raise _RefusedError("topic", f"there is no topic {_show(name)}")


def _enrol(device: str, rest: list[str], payload: bytes) -> Enrol:
    if rest:
        raise _RefusedError("topic", "enrol/<id> has two levels")
    enrol = _model(Enrol, _object(payload))
    if enrol.id != device:
        raise _RefusedError("enrol", f"the topic names {device}, the payload {_show(enrol.id)}")
    return enrol


# A device says the same few names again and again; the bound is for floods of made-up ones.
@lru_cache(maxsize=4096)
def _series(device: str, name: str) -> SeriesKey:
    """The series of `<Service>[/<index>]/<Characteristic>`."""
    rest = name.split("/")
    if len(rest) not in {2, 3}:
        raise _RefusedError("arity", f"{len(rest) + 2} levels in {_show('/'.join(rest))}")
    index = 0
    if len(rest) == 3:
        if not _INDEX.fullmatch(rest[1]):
            raise _RefusedError("index", f"{_show(rest[1])} is no index from 0 to {MAX_INDEX}")
        index = int(rest[1])
    for part in (rest[0], rest[-1]):
        if not _NAME.fullmatch(part):
            raise _RefusedError("name", f"{_show(part)} cannot be a name of HomeKit's")
    return SeriesKey(device, rest[0], index, rest[-1])


def _text(payload: bytes) -> str:
    if len(payload) > MAX_TEXT:
        raise _RefusedError("too-large", f"{len(payload)} bytes where {MAX_TEXT} are allowed")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise _RefusedError("utf-8", "the value is not UTF-8") from None
    if _CONTROL.search(text):
        raise _RefusedError("control", f"control characters in {_show(text)}")
    return text


def _batch(device: str, payload: dict[str, Any]) -> Batch:
    boot, up, lost = payload.get("boot"), payload.get("up"), payload.get("lost", 0)
    readings = payload.get("readings")
    if not (isinstance(boot, str) and re.fullmatch(_BOOT, boot)):
        raise _RefusedError("batch", f"boot is {_show(boot)}, not 8 hex digits")
    if not _is_number(up) or not 0 <= up <= MAX_SEQ:
        raise _RefusedError("batch", f"up is {_show(up)}, not seconds")
    if not _is_count(lost):
        raise _RefusedError("batch", f"lost is {_show(lost)}, not a count")
    if not isinstance(readings, list) or len(readings) > MAX_ENTRIES:
        raise _RefusedError("batch", f"readings is no list of at most {MAX_ENTRIES}")
    numbers = [r[0] for r in readings if isinstance(r, list) and r and _is_count(r[0]) and r[0]]
    # Without `after` a message speaks only for what lies between its own readings.
    after = payload.get("after", min(numbers, default=1) - 1)
    if not _is_count(after):
        raise _RefusedError("batch", f"after is {_show(after)}, not a count")
    last = max([after, *numbers])
    entries, problems = [], []
    for reading in readings:
        try:
            entries.append(_entry(device, reading))
        except _RefusedError as refused:
            problems.append(Problem(refused.kind, device, refused.detail[:200]))
    return Batch(device, boot, float(up), lost, after, last, tuple(entries), tuple(problems))


def _entry(device: str, reading: object) -> Entry:
    if not isinstance(reading, list) or len(reading) != 4:
        raise _RefusedError("entry", f"{_show(reading)} is not [seq, age, name, value]")
    seq, age, name, value = reading
    if not _is_count(seq) or seq == 0:
        raise _RefusedError("entry", f"seq is {_show(seq)}, not a count from 1")
    if not _is_number(age) or not 0 <= age <= MAX_AGE:
        raise _RefusedError("entry", f"age is {_show(age)}, not seconds up to a year")
    if not isinstance(name, str):
        raise _RefusedError("entry", f"name is {_show(name)}, not text")
    if isinstance(value, str) and (len(value) > MAX_TEXT or _CONTROL.search(value)):
        raise _RefusedError(
            "entry", f"the value {_show(value)} is too long or has control characters"
        )
    if not isinstance(value, bool | int | float | str):
        raise _RefusedError("entry", f"the value is {_show(value)}")
    return Entry(seq, float(age), _series(device, name), value)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEQ


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(payload: bytes) -> dict[str, Any]:
    """A JSON object that Postgres can keep: finite numbers, no NUL, valid Unicode."""
    if len(payload) > MAX_JSON:
        raise _RefusedError("too-large", f"{len(payload)} bytes where {MAX_JSON} are allowed")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise _RefusedError("utf-8", "the payload is not UTF-8") from None
    try:
        found = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        if "\\u" in text:  # escapes may hide half a surrogate pair
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _RefusedError("json", f"{error.__class__.__name__}: {error}") from None
    if "\\u0000" in text:
        raise _RefusedError("json", "a NUL character")
    if not isinstance(found, dict):
        raise _RefusedError("json", "not an object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _model(model: type[M], payload: dict[str, Any]) -> M:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _RefusedError(model.__name__.lower(), f"{where}: {first['msg']}") from None


def _show(value: object) -> str:
    """A value as a person may see it in a log: short, without control characters."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
