"""Times as files have them: ISO 8601, dates of several lands, numbers since 1970. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.zones import LocalTimeError, instant_of_local
from hub.errors import HubError
from hub.imports.model import DateOrder, RepeatedHour, StampUnit

__all__ = ["BadStampError", "Stamps"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,9})?", re.ASCII)
# What a number of this many digits can only be, between 2001 and 2286.
_BY_SIZE = ((10**11, 1), (10**14, 10**3), (10**17, 10**6))
_PER_SECOND = {
    StampUnit.SECONDS: 1, StampUnit.MILLISECONDS: 10**3,
    StampUnit.MICROSECONDS: 10**6, StampUnit.NANOSECONDS: 10**9,
}  # fmt: skip
_DATE = re.compile(
    r"(?P<a>[0-9]{1,2})(?P<sep>[./])(?P<b>[0-9]{1,2})(?P=sep)(?P<year>[0-9]{4})"
    r"(?:,?[ T]+(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?P<offset> ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?",
    re.ASCII,
)
_OFFSET = re.compile(r" +(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$", re.ASCII)


class BadStampError(HubError):
    """No time that can be told."""


class Stamps:
    """Reads times; those without an offset are a zone's.

    `repeated` says whether the last one comes twice in the zone, and one of both was chosen.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        repeated_hour: RepeatedHour = RepeatedHour.REFUSE,
        dates: DateOrder = DateOrder.ISO,
        unit: StampUnit = StampUnit.AUTO,
    ) -> None:
        self._zone, self._repeated_hour, self._dates, self._unit = zone, repeated_hour, dates, unit
        self._text: str | None = None
        self._instant = _EPOCH
        self.repeated = False

    def read(self, text: str) -> datetime:
        """The instant (UTC). Raises BadStampError with the reason."""
        if text != self._text:  # the columns of a row have the same one
            self._instant = self._read(text.strip())
            self._text = text
        return self._instant

    def _read(self, text: str) -> datetime:
        self.repeated = False
        self._text = None
        if not text:
            raise BadStampError("there is no time")
        if _NUMBER.fullmatch(text) and not _is_plain_date(text):
            return self._of_number(text)
        try:
            typed = datetime.fromisoformat(_OFFSET.sub(_joined, text))
        except ValueError:
            typed = self._of_date(text)
        try:
            return typed.astimezone(UTC) if typed.tzinfo else self._local(typed)
        except OverflowError:
            raise BadStampError(f"{text[:40]!r} is no time of this age") from None

    def _of_number(self, text: str) -> datetime:
        whole, _, rest = text.partition(".")
        if self._unit is StampUnit.AUTO:
            size = abs(int(whole))
            per_second = next((per for limit, per in _BY_SIZE if size < limit), 10**9)
        else:
            per_second = _PER_SECOND[self._unit]
        # In whole numbers: a float has no microseconds left of nanoseconds since 1970.
        micros = int(whole + rest) * 10**6 // (per_second * 10 ** len(rest))
        try:
            return _EPOCH + timedelta(microseconds=micros)
        except OverflowError:
            raise BadStampError(f"{text} is no time of this age") from None

    def _of_date(self, text: str) -> datetime:
        found = _DATE.fullmatch(text)
        if found is None:
            raise BadStampError(f"{text[:40]!r} is no time: 2026-03-01T12:00:05+01:00 would be one")
        day, month = int(found["a"]), int(found["b"])
        if found["sep"] == "/":
            if self._dates is DateOrder.ISO:
                raise BadStampError(
                    f"{text[:40]!r}: say which comes first, the day (dates=dmy) or the month (mdy)"
                )
            if self._dates is DateOrder.MONTH_FIRST:
                day, month = month, day
        hour = int(found["h"] or 0)
        if found["half"]:
            if not 1 <= hour <= 12:
                raise BadStampError(f"{text[:40]!r} is no time of half a day")
            hour = hour % 12 + (12 if found["half"] in "pP" else 0)
        micro = int((found["f"] or "0").ljust(6, "0")[:6])
        try:
            typed = datetime(  # noqa: DTZ001  # an offset comes next, or the zone
                int(found["year"]), month, day, hour, int(found["m"] or 0), int(found["s"] or 0),
                micro,
            )  # fmt: skip
            offset = (found["offset"] or "").strip().replace("UTC", "Z")
            return datetime.fromisoformat(typed.isoformat() + offset)
        except ValueError:
            raise BadStampError(f"{text[:40]!r} is no time") from None

    def _local(self, typed: datetime) -> datetime:
        first = typed.replace(tzinfo=self._zone)
        if first.utcoffset() == typed.replace(tzinfo=self._zone, fold=1).utcoffset():
            return first.astimezone(UTC)
        try:
            return instant_of_local(typed.isoformat(), self._zone)
        except LocalTimeError as error:
            if not error.choices or self._repeated_hour is RepeatedHour.REFUSE:
                raise BadStampError(str(error)) from None
            self.repeated = True
            return error.choices[0 if self._repeated_hour is RepeatedHour.FIRST else -1]


def _is_plain_date(text: str) -> bool:
    """Whether it is 20260301 rather than a number of seconds."""
    return len(text) == 8 and text[:2] in {"19", "20"}


def _joined(offset: re.Match[str]) -> str:
    """An offset behind a blank, as ISO 8601 has it."""
    return "Z" if offset[1] in {"Z", "UTC", "GMT"} else offset[1]
