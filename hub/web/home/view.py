"""What the home page shows, as JSON for home.js: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from contracts.homekit.quantities import Quantity, Shape, importance, ordinary, quantity
from contracts.reading import SeriesKey, Value
from hub.anomalies.profile import SeriesProfile
from hub.devices.glance import DeviceGlance, Glance, PlaceGlance
from hub.devices.overview import LastValue
from hub.homekit.presence import Patience
from hub.language.words import _
from hub.web.terms import shown

__all__ = [
    "battery",
    "device_path",
    "due",
    "ms",
    "name_of",
    "noticed",
    "usual_of",
    "value_of",
    "values_of",
    "view",
]

_PATIENCE = Patience()
_INSIDE = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
# As hub.explain has it.
_LOW_MV, _LOW_PERCENT = 2500, 15
# Of a device's series the ones worth a look at home; the rest are on its own page.
_VALUES_A_DEVICE = 8
_NOTICED = {"ContactSensorState", "MotionDetected", "LeakDetected", "SmokeDetected"}
# Devices: up to so many are large cards without sections; fewer than three of a place stand in the
# section of the place that it is in.
_CARDS, _SECTION = 7, 3


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
        "unit": kind.unit,
        "curve": kind.shape is Shape.CURVE,
        "noticed": noticed(value.series, value.value),
        **value_of(value.value, kind),
        "at": ms(value.at),
    }


def value_of(value: Value, kind: Quantity) -> dict[str, Any]:
    """A value as text, and as a number where it is one on a scale."""
    number = kind.shape is Shape.CURVE and isinstance(value, int | float)
    return {"text": shown(value, kind), "number": float(value) if number else None}


def noticed(series: SeriesKey, value: Value) -> bool:
    """Whether a state is the one worth a look: open, motion, leak, smoke."""
    return series.characteristic in _NOTICED and value == 1


def usual_of(profile: SeriesProfile, until: datetime) -> list[tuple[float, float] | None]:
    """What is usual at each of the 24 hours before `until`, by the hour of its middle."""
    end = until.timestamp()
    middles = [end - (back - 0.5) * 3600 for back in range(24, 0, -1)]
    ranges = [profile.hours[profile.hour(at)] for at in middles]
    return [None if one is None else (round(one[0], 3), round(one[1], 3)) for one in ranges]


def value_key(series: SeriesKey) -> str:
    """A series within its device."""
    return f"{series.service}/{series.index}/{series.characteristic}"


def view(
    glance: Glance,
    names: Mapping[str, str],
    problems: Sequence[Mapping[str, Any]],
    now: datetime,
    title: str = "",
) -> dict[str, Any]:
    """`{"now", "title", "cards", "problems", "sections"}`.

    Sections are places depth first, `{"id", "name", "path", "devices"}`, each with its devices by
    name; what is in no place comes last. `cards`: they are so few that each is shown large. Times
    are in ms by the hub's clock, which `now` tells: the browser's may be another.
    """
    known = {place.place for place in glance.places}
    by_place: dict[int | None, list[dict[str, Any]]] = {}
    for device in glance.devices:
        at = device.place if device.place in known else None
        by_place.setdefault(at, []).append(_device(device, names))
    cards = len(glance.devices) <= _CARDS
    sections = _sections(glance.places, by_place, 1 << 20 if cards else _SECTION)
    if None in by_place:
        called = _("New, no place yet") if sections else _("Devices")
        sections.append(_section(0, called, [], by_place[None]))
    return {
        "now": ms(now),
        "title": title,
        "cards": cards,
        "problems": list(problems),
        "sections": sections,
    }


def _device(device: DeviceGlance, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": device.device,
        "name": name_of(device, names),
        "path": device_path(device.device),
        "seen": ms(device.seen_at),
        "due": ms(due(device.seen_at, device.report)),
        "battery": battery(device.report, device.values),
        "values": values_of(device.values),
        "where": "",
    }


def _section(
    number: int, name: str, path: list[str], devices: list[dict[str, Any]]
) -> dict[str, Any]:
    ordered = sorted(devices, key=lambda one: str(one["name"]).casefold())
    return {"id": number, "name": name, "path": path, "devices": ordered}


def _sections(
    places: Sequence[PlaceGlance],
    by_place: Mapping[int | None, list[dict[str, Any]]],
    least: int,
) -> list[dict[str, Any]]:
    """Places that have devices; those with fewer than `least` are merged into their parent."""
    walked = list(_walk(places))
    held = {place.place: list(by_place.get(place.place, ())) for place, _path in walked}
    # Deepest first: what is merged may be merged once more.
    for place, path in reversed(walked):
        if place.parent is not None and path and 0 < len(held[place.place]) < least:
            for device in held[place.place]:
                device["where"] = _INSIDE.join(
                    part for part in (place.name, device["where"]) if part
                )
            held[place.parent] += held.pop(place.place)
    return [
        _section(place.place, place.name, path, held[place.place])
        for place, path in walked
        if held.get(place.place)
    ]


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
