"""The steps of adding a device."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from contracts.homekit.definitions import INFORMATION
from contracts.reading import SeriesKey
from hub.web.words import service_words
from hub.wizards.machine import Answer, Step

__all__ = ["WIZARD", "script", "sensor_of", "sensors_in", "step_of"]

WIZARD = "add-device"
_SENSOR = "sensor/"
# They accompany what a device measures.
_COMPANIONS = {INFORMATION, "BatteryService", "ServiceLabel"}


def script() -> Generator[Step, Answer | None, None]:
    """Prepare, approve, name, place, test, each sensor, HomeKit.

    Answers: `way` {"way": "phone" | "cable"}; `portal` {}; `device` {"device"}; `name` {"name"};
    `place` {"place": number or None, "new": bool}; `new-place` {"name", "within"}; `reading`
    {"sensors": ["TemperatureSensor/0", ...]}; `sensor/...` {"offset": number or None}; `homekit`
    {}; `done` is never answered: it is where one stays.
    """
    way = yield Step("way", "Prepare the device")
    if way and way["way"] == "phone":
        yield Step("portal", "Join it to your WiFi")
    yield Step("device", "Find the device")
    yield Step("name", "Name it")
    place = yield Step("place", "Where is it?")
    if place and place["new"]:
        yield Step("new-place", "A new place")
    reading = yield Step("reading", "Test reading")
    for sensor in reading["sensors"] if reading else ():
        yield step_of(sensor)
    yield Step("homekit", "Apple Home")
    yield Step("done", "Done")


def step_of(sensor: str) -> Step:
    """The step for one sensor, named as in `sensors_in`."""
    service, _, index = sensor.partition("/")
    return Step(f"{_SENSOR}{sensor}", service_words(service, int(index)))


def sensor_of(step: str) -> tuple[str, int] | None:
    """The service and its index that a step is about; None for another step."""
    if not step.startswith(_SENSOR):
        return None
    service, _, index = step.removeprefix(_SENSOR).partition("/")
    return service, int(index)


def sensors_in(series: Iterable[SeriesKey]) -> list[str]:
    """What a device measures, one entry a service: "TemperatureSensor/0"."""
    sensors: dict[str, Any] = {
        f"{key.service}/{key.index}": None
        for key in sorted(series)
        if key.service not in _COMPANIONS
    }
    return list(sensors)
