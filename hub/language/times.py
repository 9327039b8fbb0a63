"""Instants, spans and numbers as people say them, in the language that holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts import show
from contracts.zones import twice
from hub.language.words import ENGLISH, _, language, ngettext

__all__ = ["SpokenClock", "day_said", "exactly", "lasting", "number", "span", "when"]

_WEEK = timedelta(days=6)


class SpokenClock(show.Clock):
    """As contracts.show has it."""

    def at(self, instant: datetime) -> str:
        """`14:05` of today; `20 Nov 14:05`; `20 Nov 2025 14:05`."""
        if language() == ENGLISH:
            return super().at(instant)
        here, today = instant.astimezone(self.zone), self.now.astimezone(self.zone)
        told = f"{here:%H:%M}{twice(here)}"
        if here.date() == today.date():
            return told
        return f"{_day(here, year=here.year != today.year)} {told}"

    def ago(self, instant: datetime) -> str:
        """How long ago, in the largest unit that is not too coarse."""
        return span((self.now - instant).total_seconds())


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `5 h`, `3 days`."""
    return _units(show.span(seconds))


def lasting(seconds: float) -> str:
    """`45 s`, `12 min`, `1 h 30 min`, `2 days 3 h`: two units at most."""
    return _units(show.lasting(seconds))


def exactly(seconds: float) -> str:
    """`20 min`, `100 min`, `36 h`, `2 days`: in the largest unit that says all of it."""
    for length, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds % length == 0:
            whole = round(seconds / length)
            return ngettext("{n} day", "{n} days", whole) if unit == "day" else f"{whole} {unit}"
    return f"{seconds:g} s"


def number(text: str) -> str:
    """A number as it is written in English, with the language's decimal sign: `18,2 °C`."""
    if language() == ENGLISH:
        return text
    from babel.numbers import get_decimal_symbol  # noqa: PLC0415  # not for English

    whole, point, rest = text.partition(".")
    return f"{whole}{get_decimal_symbol(language())}{rest}" if point else text


def when(instant: datetime, zone: ZoneInfo, now: datetime | None = None) -> str:
    """An instant on a place's clock, as seen from `now`: with the year where it is another one.

    `today 12:37`, `Fri 15:20`, `18 Aug 03:12`; with its offset where that time comes twice.
    """
    local, today = instant.astimezone(zone), (now or datetime.now(UTC)).astimezone(zone).date()
    days = today - local.date()
    if not days:
        day = _("today")
    elif days == timedelta(days=1):
        day = _("yesterday")
    elif days == timedelta(days=-1):
        day = _("tomorrow")
    elif timedelta() < days <= _WEEK:
        day = _weekday(local)
    else:
        day = _day(local, year=local.year != today.year)
    return f"{day} {local:%H:%M}{twice(local)}"


def day_said(local: datetime, *, year: bool = False) -> str:
    """`20 Nov`, `20 Nov 2025`."""
    return _day(local, year=year)


def _units(text: str) -> str:
    """Seconds, minutes and hours are written alike; days are a word."""
    if language() == ENGLISH:
        return text
    parts = text.split()
    told = zip(parts[::2], parts[1::2], strict=True)
    return " ".join(
        ngettext("{n} day", "{n} days", int(amount))
        if unit.startswith("day")
        else f"{amount} {unit}"
        for amount, unit in told
    )


def _weekday(local: datetime) -> str:
    if language() == ENGLISH:
        return f"{local:%a}"
    from babel.dates import format_date  # noqa: PLC0415  # as above

    return format_date(local, "EEE", locale=language())


def _day(local: datetime, *, year: bool) -> str:
    if language() == ENGLISH:
        return f"{local.day} {local:%b}{f' {local.year}' if year else ''}"
    from babel.dates import format_skeleton  # noqa: PLC0415  # as above

    return format_skeleton("yMMMd" if year else "MMMd", local, locale=language())
