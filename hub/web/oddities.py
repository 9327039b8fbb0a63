"""What is unusual, in the language that holds: hub.anomalies says it in English."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from contracts.homekit.quantities import quantity
from hub.anomalies.detect import AnomalyWords
from hub.anomalies.watch import SeriesAnomaly
from hub.language.times import SpokenClock, span
from hub.language.words import ENGLISH, _, language
from hub.web.terms import called, shown

__all__ = ["odd_name", "odd_short", "odd_text"]


def odd_name(one: SeriesAnomaly) -> str:
    """What is measured, as in the middle of a sentence."""
    return one.label.lower() if language() == ENGLISH else called(one.label)


def odd_text(one: SeriesAnomaly) -> str:
    """In numbers: `24.4 \N{DEGREE SIGN}C at 14:05; usually 19 to 22 at this hour`."""
    return _said(one, one.anomaly.told, one.anomaly.text)


def odd_short(one: SeriesAnomaly) -> str:
    """In the few words that a tile has room for."""
    return _said(one, one.anomaly.told_short, one.anomaly.short)


def _said(one: SeriesAnomaly, words: AnomalyWords | None, english: str) -> str:
    if words is None or language() == ENGLISH:
        return english
    clock = SpokenClock(datetime.now(UTC), one.anomaly.zone)
    show = partial(shown, kind=quantity(one.series))
    return words.said(show, clock, span=span, translate=_)
