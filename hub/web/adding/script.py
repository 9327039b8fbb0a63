"""The steps of adding a device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any

from contracts.homekit.definitions import INFORMATION
from contracts.reading import SeriesKey
from hub.language.words import _
from hub.web.words import service_words
from hub.wizards.machine import Answer, Step

__all__ = ["WIZARD", "script", "sensor_of", "sensors_in", "step_of"]

WIZARD = "add-from-label"
_SENSOR = "sensor/"
# They accompany what a device measures.
_COMPANIONS = {INFORMATION, "BatteryService", "ServiceLabel"}


def script() -> Generator[Step, Answer | None, None]:
    """From the label to its page: scan, first reading, name and place, done.

    Answers: `device` {"device"}; `reading` {"sensors": ["TemperatureSensor/0", ...]}; `place`
    {"name", "place": number or None, "new": name of a new place or ""}; `sensor/...`, for each of
    several sensors of one kind, {"name", "offset": number or None}; `done` is never answered: it is
    where one stays.
    """
    yield Step("device", _("Scan the label"))
    reading = yield Step("reading", _("It is on its way"))
    yield Step("place", _("Name and place"))
    for sensor in _of_several(reading["sensors"] if reading else ()):
        yield step_of(sensor)
    yield Step("done", _("Done"))


def _of_several(sensors: Iterable[str]) -> Iterable[str]:
    """Those that need names of their own: there are others of their kind."""
    kinds = Counter(one.partition("/")[0] for one in sensors)
    return [one for one in sensors if kinds[one.partition("/")[0]] > 1]


def step_of(sensor: str) -> Step:
    """The step for one sensor, named as in `sensors_in`."""
    service, _dot, index = sensor.partition("/")
    return Step(f"{_SENSOR}{sensor}", service_words(service, int(index)))


def sensor_of(step: str) -> tuple[str, int] | None:
    """The service and its index that a step is about; None for another step."""
    if not step.startswith(_SENSOR):
        return None
    service, _dot, index = step.removeprefix(_SENSOR).partition("/")
    return service, int(index)


def sensors_in(series: Iterable[SeriesKey]) -> list[str]:
    """What a device measures, one entry a service: "TemperatureSensor/0"."""
    sensors: dict[str, Any] = {
        f"{key.service}/{key.index}": None
        for key in sorted(series)
        if key.service not in _COMPANIONS
    }
    return list(sensors)
