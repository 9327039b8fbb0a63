"""What the home page shows, as JSON for home.js: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from contracts.homekit.quantities import importance, ordinary, quantity, shown
from contracts.reading import SeriesKey, Value
from hub.devices.glance import DeviceGlance, Glance, PlaceGlance
from hub.devices.overview import LastValue
from hub.homekit.presence import Patience

__all__ = ["battery", "device_path", "due", "ms", "name_of", "values_of", "view"]

_PATIENCE = Patience()
# As hub.explain has it.
_LOW_MV, _LOW_PERCENT = 2500, 15
# Of a device's series the ones worth a look at home; the rest are on its own page.
_VALUES_A_DEVICE = 8


def ms(at: datetime | None) -> int | None:
    """Milliseconds since the epoch, as browsers count."""
    return None if at is None else round(at.timestamp() * 1000)


def device_path(device: str) -> str:
    """The address of a device's page."""
    return f"/devices/{quote(device, safe='')}"


def name_of(device: DeviceGlance, names: Mapping[str, str]) -> str:
    """What people call it, else what it calls itself in HomeKit, else its id."""
    return device.name or names.get(device.device) or device.device


def due(seen_at: datetime | None, report: Mapping[str, Any]) -> datetime | None:
    """When a silent device is late, with the patience that HomeKit has; None: it never said."""
    interval = report.get("next_wake_s")
    if seen_at is None or not isinstance(interval, int | float) or isinstance(interval, bool):
        return None
    return seen_at + timedelta(seconds=_PATIENCE.due(0, max(interval, 0)))


def battery(report: Mapping[str, Any], values: Iterable[LastValue]) -> dict[str, Any] | None:
    """The battery in a few characters, and whether it is low, by the device's word or by ours."""
    level: Value | None = None
    low = False
    for value in values:
        if value.series.characteristic == "BatteryLevel":
            level = value.value
        elif value.series.characteristic == "StatusLowBattery":
            low = low or bool(value.value)
    if isinstance(level, int | float):
        low = low or level <= _LOW_PERCENT
    millivolts = report.get("battery_mv")
    if isinstance(millivolts, int) and not isinstance(millivolts, bool):
        low = low or (level is None and millivolts < _LOW_MV)
        return {"text": f"{millivolts / 1000:.2f} V", "low": low}
    if level is not None:
        return {"text": f"{level} %", "low": low}
    return {"text": "low", "low": True} if low else None


def values_of(values: Iterable[LastValue]) -> list[dict[str, Any]]:
    """The values worth a look."""
    ordered = sorted((v for v in values if ordinary(v.series)), key=lambda v: importance(v.series))
    return [_value(value) for value in ordered[:_VALUES_A_DEVICE]]


def _value(value: LastValue) -> dict[str, Any]:
    kind = quantity(value.series)
    return {
        "key": value_key(value.series),
        "label": kind.label,
        "text": shown(value.value, kind),
        "at": ms(value.at),
    }


def value_key(series: SeriesKey) -> str:
    """A series within its device."""
    return f"{series.service}/{series.index}/{series.characteristic}"


def view(
    glance: Glance, names: Mapping[str, str], problems: Sequence[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """`{"now", "problems", "places"}`; places depth first, each with its devices by name.

    Times are in ms by the hub's clock, which `now` tells: the browser's may be another.
    """
    by_place: dict[int | None, list[DeviceGlance]] = {}
    known = {place.place for place in glance.places}
    for device in glance.devices:
        at = device.place if device.place in known else None
        by_place.setdefault(at, []).append(device)
    places = [
        {"id": place.place, "name": place.name, "path": path, "depth": len(path),
         "devices": _devices(by_place.get(place.place, []), names)}
        for place, path in _walk(glance.places)
    ]  # fmt: skip
    if None in by_place:
        title = "Not in a place yet" if places else "Devices"
        rest = _devices(by_place[None], names)
        places.append({"id": 0, "name": title, "path": [], "depth": 0, "devices": rest})
    return {"now": ms(now), "problems": list(problems), "places": places}


def _devices(devices: list[DeviceGlance], names: Mapping[str, str]) -> list[dict[str, Any]]:
    shown_as = [
        {
            "id": device.device,
            "name": name_of(device, names),
            "path": device_path(device.device),
            "seen": ms(device.seen_at),
            "due": ms(due(device.seen_at, device.report)),
            "battery": battery(device.report, device.values),
            "values": values_of(device.values),
        }
        for device in devices
    ]
    return sorted(shown_as, key=lambda one: str(one["name"]).casefold())


def _walk(places: Sequence[PlaceGlance]) -> list[tuple[PlaceGlance, list[str]]]:
    """Places depth first, each with the names of those it lies in."""
    children: dict[int | None, list[PlaceGlance]] = {}
    for place in places:
        children.setdefault(place.parent, []).append(place)
    walked: list[tuple[PlaceGlance, list[str]]] = []
    waiting: list[tuple[PlaceGlance, list[str]]] = [
        (place, []) for place in reversed(children.get(None, []))
    ]
    while waiting:
        place, path = waiting.pop()
        walked.append((place, path))
        below = [*path, place.name]
        waiting += [(child, below) for child in reversed(children.get(place.place, []))]
    return walked
