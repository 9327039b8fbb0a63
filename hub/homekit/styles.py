"""What rules and calibrations say of devices and series: asked at every value, never kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from contracts.homekit.definitions import CHARACTERISTICS, Characteristic
from contracts.reading import SeriesKey, Value

__all__ = ["SeriesStyles"]


@dataclass(frozen=True, slots=True)
class SeriesStyles:
    """Questions about a series or a device.

    `kind` is a series' characteristic with a rule's limits, `thresholds` the limits of what follows
    from it, `silent_after` how many seconds a device may say nothing (None: as usual), `calibrated`
    what a raw value that was measured at an instant is.
    """

    kind: Callable[[SeriesKey], Characteristic] = lambda key: CHARACTERISTICS[key.characteristic]
    thresholds: Callable[[SeriesKey], tuple[float, ...]] = lambda _: ()
    silent_after: Callable[[str], float | None] = lambda _: None
    calibrated: Callable[[SeriesKey, Value, datetime], Value] = lambda _key, raw, _at: raw
