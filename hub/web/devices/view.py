"""What the table of devices shows, as JSON for devices.js: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.errors import VersionError
from contracts.homekit.quantities import Shape, importance, ordinary, quantity
from contracts.reading import SeriesKey
from contracts.versions import Version
from hub.anomalies.watch import SeriesAnomaly
from hub.devices.glance import DeviceGlance, Glance
from hub.explain.problems import BatteryStanding, DeviceProblem
from hub.explain.sentence import Level
from hub.explain.trends import WEAK_DBM
from hub.language.times import span
from hub.language.words import ENGLISH, _, language
from hub.web.home.view import device_path, ms, name_of
from hub.web.oddities import odd_short
from hub.web.terms import called, shown

__all__ = ["devices_view", "spark_series"]

# dBm; from there on a wake joins without trying twice.
_GOOD_DBM = -67


def devices_view(
    glance: Glance,
    names: Mapping[str, str],
    problems: Sequence[DeviceProblem],
    batteries: Sequence[BatteryStanding],
    now: datetime,
    *,
    odd: Sequence[SeriesAnomaly] = (),
) -> dict[str, Any]:
    """`{"now", "places", "devices"}`; what needs attention first, then by name.

    `places` depth first as `{"id", "name", "depth", "devices"}`, with how many devices are in it
    and below.
    """
    wrong = {problem.device: problem for problem in reversed(problems) if problem.device}
    unusual = _unusual(odd)
    standing = {battery.device: battery for battery in batteries}
    newest = _newest(glance.devices)
    where = {place.place: place.name for place in glance.places}
    devices = [
        {
            **_device(device, name_of(device, names), now),
            "place": device.place if device.place in where else None,
            "where": where.get(device.place or 0, ""),
            "problem": _problem(wrong.get(device.device), unusual.get(device.device)),
            "old": _is_old(device, newest),
            "battery": _battery(standing.get(device.device)),
        }
        for device in glance.devices
    ]
    devices.sort(key=lambda one: (-one["problem"]["level"], str(one["name"]).casefold()))
    return {"now": ms(now), "places": _places(glance), "devices": devices}


def _device(device: DeviceGlance, name: str, now: datetime) -> dict[str, Any]:
    values = sorted((v for v in device.values if ordinary(v.series)), key=_importance)
    first = values[0] if values else None
    interval = device.report.get("next_wake_s")
    told = isinstance(interval, int | float) and not isinstance(interval, bool)
    every = span(float(interval or 0)) if told and interval else ""
    silent = None if device.seen_at is None else (now - device.seen_at).total_seconds()
    return {
        "id": device.device,
        "name": name,
        "path": device_path(device.device),
        "value": shown(first.value, quantity(first.series)) if first else "",
        "label": quantity(first.series).label if first else "",
        **_wifi(device.report.get("rssi")),
        "seen": ms(device.seen_at),
        "heard": _("never") if silent is None else _("{span} ago", span=span(silent)),
        "firmware": str(device.report.get("firmware") or "")[:40],
        "every": every,
    }


def _importance(value: Any) -> tuple[Any, ...]:
    return (importance(value.series),)


def spark_series(glance: Glance) -> dict[str, SeriesKey]:
    """The series whose last day the table draws, by device: that of the value it shows."""
    found: dict[str, SeriesKey] = {}
    for device in glance.devices:
        values = sorted((v for v in device.values if ordinary(v.series)), key=_importance)
        if values and quantity(values[0].series).shape is Shape.CURVE:
            found[device.device] = values[0].series
    return found


def _wifi(rssi: object) -> dict[str, Any]:
    """How well it is heard, as hub.explain judges it; `dbm` None: it did not say."""
    if not isinstance(rssi, int | float) or isinstance(rssi, bool):
        return {"wifi": "", "dbm": None}
    words = _("weak") if rssi < WEAK_DBM else _("good") if rssi >= _GOOD_DBM else _("fair")
    return {"wifi": words, "dbm": round(rssi)}


def _firmware(device: DeviceGlance) -> tuple[str, Version | None]:
    """Its board, and what it runs where that can be compared."""
    board = str(device.report.get("board") or "")
    try:
        return board, Version.parse(str(device.report.get("firmware") or ""))
    except VersionError:
        return board, None


def _newest(devices: Sequence[DeviceGlance]) -> dict[str, Version]:
    """The newest version that runs on each board."""
    newest: dict[str, Version] = {}
    for device in devices:
        board, version = _firmware(device)
        if version is not None and (board not in newest or version > newest[board]):
            newest[board] = version
    return newest


def _is_old(device: DeviceGlance, newest: Mapping[str, Version]) -> bool:
    board, version = _firmware(device)
    return version is not None and version < newest[board]


def _unusual(odd: Sequence[SeriesAnomaly]) -> dict[str, SeriesAnomaly]:
    """What is unusual of each device; what is muted only where nothing else is."""
    return {one.series.device: one for one in sorted(odd, key=lambda one: not one.muted)}


def _problem(problem: DeviceProblem | None, odd: SeriesAnomaly | None) -> dict[str, Any]:
    if problem is None:
        if odd is None:
            return {"level": 0, "text": ""}
        short = odd_short(odd)
        if language() == ENGLISH:
            short = f"{short[:1].lower()}{short[1:]}"
        short = f"{called(odd.label)}: {short}"
        return {"level": 0 if odd.muted else 1, "text": _("Muted") if odd.muted else short}
    return {"level": 2 if problem.level is Level.BAD else 1, "text": problem.text}


def _battery(battery: BatteryStanding | None) -> dict[str, Any]:
    """In percent where the device tells them, otherwise as it says."""
    if battery is None or battery.said is None:
        return {"text": "", "low": False, "left": ""}
    left = (
        ""
        if battery.days_left is None
        else _("about {span}", span=span(battery.days_left * 86400.0))
    )
    text = battery.said if battery.percent is None else f"{battery.percent:.0f} %"
    return {"text": text, "low": battery.low, "left": left}


def _places(glance: Glance) -> list[dict[str, Any]]:
    below: dict[int | None, list[Any]] = {}
    for place in glance.places:
        below.setdefault(place.parent, []).append(place)
    listed: list[dict[str, Any]] = []
    waiting = [(place, 0) for place in reversed(below.get(None, []))]
    while waiting:
        place, depth = waiting.pop()
        within = glance.within(place.place)
        count = sum(device.place in within for device in glance.devices)
        listed.append(
            {
                "id": place.place,
                "name": place.name,
                "depth": depth,
                "within": sorted(within),
                "devices": count,
            }
        )
        waiting += [(child, depth + 1) for child in reversed(below.get(place.place, []))]
    return listed
