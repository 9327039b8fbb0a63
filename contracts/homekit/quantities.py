"""What a series is of, as people read it: its label, unit, words for states, decimals."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Any

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, SERVICES
from contracts.reading import SeriesKey, Value

__all__ = ["Quantity", "Shape", "importance", "is_counter", "ordinary", "quantity", "shown"]


class Shape(StrEnum):
    """How values follow each other in time."""

    CURVE = "curve"
    """Something that changes all the time and was sampled."""
    STEPS = "steps"
    """A state that holds until it is reported otherwise."""
    TEXT = "text"
    """Words; there is nothing to draw."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """`unit` is empty for a plain number; `words` names the values of a state."""

    label: str
    unit: str
    shape: Shape
    decimals: int = 0
    words: Mapping[int, str] = field(default_factory=dict)


# HAP's names for units, and the units of characteristics for which HAP's definitions give none
# (HAP specification, chapter 9).
_UNITS = {"percentage": "%", "celsius": "°C", "lux": "lx", "arcdegrees": "°", "seconds": "s"}
_PPM = ("CarbonDioxideLevel", "CarbonMonoxideLevel")
_UNNAMED = {
    **dict.fromkeys(_PPM, "ppm"),
    **{name.replace("Level", "PeakLevel"): "ppm" for name in _PPM},
    "ColorTemperature": "mired",
    "RemainingDuration": "s",
    "SetDuration": "s",
    "FilterLifeLevel": "%",
    "AirParticulateDensity": "µg/m³",
}
_LABELS = {
    "On": "Switch",
    "OutletInUse": "Outlet in use",
    "ContactSensorState": "Contact",
    "VOCDensity": "VOC density",
    "StatusLowBattery": "Battery",
    "MotionDetected": "Motion",
    "LeakDetected": "Leak",
    "SmokeDetected": "Smoke",
    "OccupancyDetected": "Occupancy",
    "CurrentAmbientLightLevel": "Light",
}
_WORDS = {
    "On": {0: "off", 1: "on"},
    "ContactSensorState": {0: "closed", 1: "open"},
    "MotionDetected": {0: "none", 1: "motion"},
    "LeakDetected": {0: "dry", 1: "leak"},
    "SmokeDetected": {0: "none", 1: "smoke"},
    "OccupancyDetected": {0: "nobody", 1: "somebody"},
    "StatusLowBattery": {0: "ok", 1: "low"},
    "StatusFault": {0: "none", 1: "fault"},
    "StatusActive": {0: "inactive", 1: "active"},
}
_YES_NO = {0: "no", 1: "yes"}
# Services that only accompany what a device measures.
_COMPANIONS = {INFORMATION, "BatteryService", "ServiceLabel"}
_COMPANION_PREFIX = ("Status", "Name", "ConfiguredName")


def quantity(key: SeriesKey) -> Quantity:
    """What a series is of; one that HomeKit's definitions do not know is a plain number."""
    base = _quantity(key.characteristic)
    if not key.index:
        return base
    return Quantity(
        f"{base.label} {key.index + 1}",
        base.unit,
        base.shape,
        base.decimals,
        base.words,
    )


def shown(value: Value | None, kind: Quantity) -> str:
    """A value with its unit or as its word: `20.1 °C`, `open`."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if kind.words and float(value).is_integer() and int(value) in kind.words:
        return kind.words[int(value)]
    return f"{value:.{kind.decimals}f} {kind.unit}".rstrip()


# What meters count, by the names that characteristics of our own and of other firmware have.
_COUNTED = re.compile(
    r"(Energy|Consumption|Production|Yield|Pulses?|Pulse_?Count|Counter|Impulses?|Rain|Rainfall"
    r"|Precipitation|Water|WaterVolume|WaterUsed|GasVolume|Gas|Total|Odometer)$"
)


def is_counter(key: SeriesKey) -> bool:
    """Whether it counts up for ever, as a meter does: what counts is by how much it rose."""
    name = key.characteristic
    own = CHARACTERISTICS.get(name)
    return name == "Energy" or (own is None and bool(_COUNTED.search(name)))


def ordinary(key: SeriesKey) -> bool:
    """Whether it is something a person looks for, not a name or a device's state of health."""
    if key.service in _COMPANIONS or key.characteristic.startswith(_COMPANION_PREFIX):
        return False
    service = SERVICES.get(key.service)
    return service is None or not key.characteristic.startswith("Target")


# What people look for first.
_FIRST = (
    "CurrentTemperature", "CurrentRelativeHumidity", "On", "ContactSensorState", "MotionDetected",
    "CarbonDioxideLevel", "CurrentAmbientLightLevel", "AirPressure", "Power",
)  # fmt: skip


def importance(key: SeriesKey) -> tuple[int, str, int, str]:
    """Sorts series by what people look for first; companions come last."""
    rank = _FIRST.index(key.characteristic) if key.characteristic in _FIRST else len(_FIRST)
    rank += 0 if ordinary(key) else 100
    return rank, key.service, key.index, key.characteristic


@functools.cache
def _quantity(name: str) -> Quantity:
    kind = CHARACTERISTICS.get(name)
    label = _LABELS.get(name) or _sentence(name.removeprefix("Current"))
    if kind is None:
        return Quantity(label, "", Shape.CURVE, 2)
    if kind.format in ("string", "data", "tlv8"):
        return Quantity(label, "", Shape.TEXT)
    words = _WORDS.get(name) or (_YES_NO if kind.format == "bool" else _states(name))
    if words:
        return Quantity(label, "", Shape.STEPS, 0, words)
    unit = _UNNAMED.get(name) or ("µg/m³" if name.endswith("Density") else "")
    unit = unit or _UNITS.get(kind.unit or "", kind.unit or "")
    shape = Shape.CURVE if unit else Shape.STEPS
    return Quantity(label, unit, shape, _decimals(unit, kind.format))


def _decimals(unit: str, form: str) -> int:
    if form != "float" or unit in {"lx", "ppm"}:
        return 0
    return 2 if unit in {"kWh", "V", "A"} else 1


def _sentence(name: str) -> str:
    """`RelativeHumidity` as "Relative humidity"."""
    words = re.findall(r"[A-Z]+(?![a-z])[0-9.]*|[A-Z]?[a-z]+[0-9.]*|[0-9.]+", name)
    text = " ".join(word if word.isupper() else word.lower() for word in words) or name
    return text[:1].upper() + text[1:]


@functools.cache
def _definitions() -> dict[str, Any]:
    text = resources.files("pyhap").joinpath("resources", "characteristics.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def _states(name: str) -> dict[int, str]:
    """HAP's own words for the values of a state."""
    values: dict[str, int] = _definitions().get(name, {}).get("ValidValues", {})
    return {number: _sentence(word).lower() for word, number in values.items()}
