"""`$batch`: several readings at once, in either of its forms (docs/topics.md)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.homekit.definitions import CHARACTERISTICS, SERVICES, Characteristic, Service
from contracts.payloads import (
    BOOT,
    CONTROL,
    MAX_SEQ,
    MAX_TEXT,
    MessageRefusedError,
    Problem,
    is_count,
    is_number,
    series_of,
    show,
)
from contracts.reading import SeriesKey, Value

__all__ = ["FORM", "Batch", "BriefReport", "Entry", "read_batch"]

FORM = 2
"""The newest form of a `$batch` that is understood here, as `$ack` tells devices."""

MAX_ENTRIES = 512  # 492 bytes of RTC memory hold fewer; a bound on the work of one message
MAX_AGE = 366 * 86400  # s; older than any battery lasts through a lost connection
_BRIEF = ("awake_ms", "rssi", "heap_free", "battery_mv")


@dataclass(frozen=True, slots=True)
class Entry:
    """One reading of a batch; `age` in seconds when the message was made."""

    seq: int
    age: float
    series: SeriesKey
    raw: Value


@dataclass(frozen=True, slots=True)
class BriefReport:
    """What of a `$report` changes each wake, of a device whose last whole one had `up` `since`.

    Milliseconds, dBm, bytes and millivolts as in a Report; None where it is not known.
    """

    since: float
    awake_ms: int | None
    rssi: int | None
    heap_free: int | None
    battery_mv: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A `$batch`: the entries that were well-formed, and what was wrong with the others.

    The message holds all that the device still has of (after, last]; `last` is the highest
    sequence number it named, refused entries included (`after` for none). `up` in seconds.
    `states` are values for now alone, which nobody records.
    """

    device: str
    boot: str
    up: float
    lost: int
    after: int
    last: int
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    states: tuple[tuple[SeriesKey, Value], ...] = ()
    brief: BriefReport | None = None


@dataclass(frozen=True, slots=True)
class _Readings:
    """What a message says for the record; `first` and `last` are 0 without a number."""

    first: int
    last: int
    entries: list[Entry]


def read_batch(device: str, payload: Mapping[str, Any]) -> Batch:
    """The batch of a payload. Raises MessageRefusedError when nothing of it can be used."""
    boot, up, lost = payload.get("boot"), payload.get("up"), payload.get("lost", 0)
    if not (isinstance(boot, str) and re.fullmatch(BOOT, boot)):
        raise MessageRefusedError("batch", f"boot is {show(boot)}, not 8 hex digits")
    if not is_number(up) or not 0 <= up <= MAX_SEQ:
        raise MessageRefusedError("batch", f"up is {show(up)}, not seconds")
    if not is_count(lost):
        raise MessageRefusedError("batch", f"lost is {show(lost)}, not a count")
    problems = _Problems(device)
    read = _rows if "rows" in payload else _readings
    readings = read(device, payload, problems)
    # Without `after` a message speaks only for what lies between its own readings.
    after = payload.get("after", max(readings.first - 1, 0))
    if not is_count(after):
        raise MessageRefusedError("batch", f"after is {show(after)}, not a count")
    return Batch(
        device,
        boot,
        float(up),
        lost,
        after,
        max(after, readings.last),
        tuple(readings.entries),
        states=tuple(_states(device, payload.get("now", {}), problems)),
        brief=_brief(payload.get("report"), problems),
        problems=tuple(problems.found),
    )


class _Problems:
    """Parts of a message that are refused while the others count."""

    def __init__(self, device: str) -> None:
        self.found: list[Problem] = []
        self._device = device

    def note(self, refused: MessageRefusedError) -> None:
        """Keep why a part was refused."""
        self.found.append(Problem(refused.kind, self._device, refused.detail[:200]))


# --- readings, listed -----------------------------------------------------------------------------


def _readings(device: str, payload: Mapping[str, Any], problems: _Problems) -> _Readings:
    readings = payload.get("readings")
    if not isinstance(readings, list) or len(readings) > MAX_ENTRIES:
        raise MessageRefusedError("batch", f"readings is no list of at most {MAX_ENTRIES}")
    numbers = [r[0] for r in readings if isinstance(r, list) and r and is_count(r[0]) and r[0]]
    entries = []
    for reading in readings:
        try:
            entries.append(_entry(device, reading))
        except MessageRefusedError as refused:
            problems.note(refused)
    return _Readings(min(numbers, default=0), max(numbers, default=0), entries)


def _entry(device: str, reading: object) -> Entry:
    if not isinstance(reading, list) or len(reading) != 4:
        raise MessageRefusedError("entry", f"{show(reading)} is not [seq, age, name, value]")
    seq, age, name, value = reading
    if not isinstance(name, str):
        raise MessageRefusedError("entry", f"name is {show(name)}, not text")
    return Entry(_number(seq), _age(age), series_of(device, name), _value(value))


def _number(seq: object) -> int:
    if not is_count(seq) or seq == 0:
        raise MessageRefusedError("entry", f"seq is {show(seq)}, not a count from 1")
    return seq


def _age(age: object) -> float:
    if not is_number(age) or not 0 <= age <= MAX_AGE:
        raise MessageRefusedError("entry", f"age is {show(age)}, not seconds up to a year")
    return float(age)


def _value(value: object) -> Value:
    if isinstance(value, str) and (len(value) > MAX_TEXT or CONTROL.search(value)):
        raise MessageRefusedError(
            "entry", f"the value {show(value)} is too long or has control characters"
        )
    if not isinstance(value, bool | int | float | str):
        raise MessageRefusedError("entry", f"the value is {show(value)}")
    return value


# --- readings, in rows ----------------------------------------------------------------------------


def _rows(device: str, payload: Mapping[str, Any], problems: _Problems) -> _Readings:
    """Rows of `[seq, age, value, ...]`, a column for each of `series`."""
    rows, names = payload["rows"], payload.get("series", [])
    if not isinstance(names, list) or len(names) > MAX_ENTRIES:
        raise MessageRefusedError("batch", f"series is no list of at most {MAX_ENTRIES}")
    if not isinstance(rows, list) or len(rows) > MAX_ENTRIES or _count(rows) > MAX_ENTRIES:
        raise MessageRefusedError("batch", f"rows is no list of at most {MAX_ENTRIES} readings")
    columns = [_column(device, name, problems) for name in names]
    entries: list[Entry] = []
    numbers: list[int] = []
    for row in rows:
        try:
            entries += _row(row, columns, numbers, problems)
        except MessageRefusedError as refused:
            problems.note(refused)
    return _Readings(min(numbers, default=0), max(numbers, default=0), entries)


def _count(rows: Sequence[object]) -> int:
    """How many readings there are in rows."""
    values = (row[2:] for row in rows if isinstance(row, list))
    return sum(len(one) - one.count(None) for one in values)


def _column(device: str, name: object, problems: _Problems) -> SeriesKey | None:
    """The series of a column; None for one whose values are refused."""
    try:
        return _named(device, name)
    except MessageRefusedError as refused:
        problems.note(refused)
        return None


def _row(
    row: object, columns: Sequence[SeriesKey | None], numbers: list[int], problems: _Problems
) -> Iterator[Entry]:
    """The readings of a row, numbered as they stand in it; what has none there is null."""
    if not isinstance(row, list) or len(row) < 2:
        raise MessageRefusedError("entry", f"{show(row)} is not [seq, age, value, ...]")
    seq, values = _number(row[0]), row[2:]
    count = sum(value is not None for value in values)
    _number(seq + max(count - 1, 0))
    if count:
        # What is refused of them is accounted for all the same: sent again, it would be again.
        numbers += [seq, seq + count - 1]
    age = _age(row[1])
    if len(values) > len(columns):
        problems.note(
            MessageRefusedError("entry", f"{len(values)} values for {len(columns)} series")
        )
    return _cells(seq, age, list(zip(columns, values, strict=False)), problems)


def _cells(
    seq: int,
    age: float,
    cells: Sequence[tuple[SeriesKey | None, object]],
    problems: _Problems,
) -> Iterator[Entry]:
    for series, value in cells:
        if value is None:
            continue
        try:
            if series is not None:
                yield Entry(seq, age, series, _value(value))
        except MessageRefusedError as refused:
            problems.note(refused)
        seq += 1


def _named(device: str, name: object) -> SeriesKey:
    """The series of a name, whose parts may be HomeKit's short types."""
    if not isinstance(name, str):
        raise MessageRefusedError("entry", f"name is {show(name)}, not text")
    service, slash, rest = name.partition("/")
    index, between, characteristic = rest.rpartition("/")
    service = _SERVICES.get(service, service)
    characteristic = _CHARACTERISTICS.get(characteristic, characteristic)
    return series_of(device, f"{service}{slash}{index}{between}{characteristic}")


def _by_type(known: Mapping[str, Service] | Mapping[str, Characteristic]) -> dict[str, str]:
    """The names by their types' first groups without leading zeros.

    8A of 0000008A-0000-1000-8000-0026BB765291. Two that have one type have no short one.
    """
    short = {name: one.uuid.partition("-")[0].lstrip("0") for name, one in known.items()}
    times = Counter(short.values())
    return {type_: name for name, type_ in short.items() if times[type_] == 1}


_SERVICES = _by_type(SERVICES)
_CHARACTERISTICS = _by_type(CHARACTERISTICS)


# --- what is not for the record -------------------------------------------------------------------


def _states(device: str, said: object, problems: _Problems) -> Iterator[tuple[SeriesKey, Value]]:
    if not isinstance(said, dict) or len(said) > MAX_ENTRIES:
        problems.note(
            MessageRefusedError("batch", f"now is no object of at most {MAX_ENTRIES} values")
        )
        return
    for name, value in said.items():
        try:
            yield _named(device, name), _value(value)
        except MessageRefusedError as refused:
            problems.note(refused)


def _brief(said: object, problems: _Problems) -> BriefReport | None:
    if said is None:
        return None
    if isinstance(said, list) and 1 <= len(said) <= 1 + len(_BRIEF) and is_number(said[0]):
        values = dict(zip(_BRIEF, said[1:], strict=False))
        if 0 <= said[0] <= MAX_SEQ and all(_whole(value) for value in values.values()):
            return BriefReport(float(said[0]), *(values.get(name) for name in _BRIEF))
    problems.note(
        MessageRefusedError("report", f"{show(said)} is not [since, {', '.join(_BRIEF)}]")
    )
    return None


def _whole(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))
