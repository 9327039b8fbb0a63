"""What devices call the values of states, in words."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from contracts.homekit.definitions import Characteristic

__all__ = ["meaning"]

_TRUE = ("true", "on", "yes", "open", "opened", "detected", "enabled", "active", "alarm")
_FALSE = ("false", "off", "no", "closed", "close", "clear", "disabled", "inactive", "none")
_TWO_STATE = {**dict.fromkeys(_TRUE, 1), **dict.fromkeys(_FALSE, 0)}
"""For everything that is true or false: docs/topics.md has them."""

_THERE = {
    **dict.fromkeys(("motion", "occupied", "present", "home", "presence", "moving"), 1),
    **dict.fromkeys(("nomotion", "unoccupied", "vacant", "absent", "away", "empty", "idle"), 0),
}
_LOCK = {"locked": 1, "unlocked": 0, "lock": 1, "unlock": 0, "open": 0, "closed": 1, "close": 1}
_ARMED = {
    "armedhome": 0, "armhome": 0, "armedstay": 0, "armedaway": 1, "armaway": 1,
    "armednight": 2, "armnight": 2, "disarmed": 3, "disarm": 3,
    "armedvacation": 1, "armvacation": 1, "armedcustombypass": 0,
}  # fmt: skip
_REPLACE = {"change": 1, "replace": 1, "ok": 0, "good": 0, "normal": 0}
_PURPOSE = {"heating": 1, "cooling": 2, "heatcool": 3, "heatandcool": 3, "emergencyheat": 1}
_MOVING = {"opening": 1, "closing": 0, "up": 1, "down": 0, "stop": 2, "stopped": 2}
# What other programs say besides HAP's own names and the words above; these come first.
_SYNONYMS: Mapping[str, Mapping[str, int]] = {
    "MotionDetected": _THERE,
    "OccupancyDetected": _THERE,
    "LeakDetected": {"leak": 1, "wet": 1, "flood": 1, "dry": 0, "noleak": 0},
    "SmokeDetected": {"smoke": 1, "fire": 1, "nosmoke": 0, "normal": 0},
    "CarbonMonoxideDetected": {"abnormal": 1, "normal": 0},
    "CarbonDioxideDetected": {"abnormal": 1, "normal": 0},
    "StatusLowBattery": {"low": 1, "normal": 0, "ok": 0},
    "StatusFault": {"fault": 1, "ok": 0, "normal": 0},
    "StatusTampered": {"tampered": 1, "tamper": 1, "ok": 0, "normal": 0},
    "LockCurrentState": {k: v for k, v in _LOCK.items() if k not in {"lock", "unlock"}},
    "LockTargetState": _LOCK,
    "CurrentDoorState": {"open": 0, "opened": 0, "closed": 1, "close": 1, "stop": 4},
    "TargetDoorState": {"open": 0, "opened": 0, "closed": 1, "close": 1},
    "SecuritySystemCurrentState": {**_ARMED, "triggered": 4, "alarm": 4},
    "SecuritySystemTargetState": _ARMED,
    "PositionState": _MOVING,
    "CurrentHeatingCoolingState": {
        "heating": 1, "preheating": 1, "cooling": 2, "idle": 0, "fan": 0, "drying": 0,
    },
    "TargetHeatingCoolingState": _PURPOSE,
    "TargetHeaterCoolerState": {"heatcool": 0, "heatandcool": 0, "heating": 1, "cooling": 2},
    "CurrentFanState": {"blowing": 2, "running": 2, "on": 2, "off": 0},
    "CurrentAirPurifierState": {"purifying": 2, "running": 2, "on": 2, "off": 0},
    "TargetHumidifierDehumidifierState": {"humidify": 1, "dehumidify": 2, "dry": 2},
    "CurrentHumidifierDehumidifierState": {"drying": 3, "off": 0},
    "FilterChangeIndication": _REPLACE,
    "RotationDirection": {"forward": 0, "reverse": 1, "backward": 1},
    "AirQuality": {"moderate": 3, "unhealthy": 5, "hazardous": 5},
    "CurrentHeaterCoolerState": {"off": 0, "heat": 2, "cool": 3},
    "ChargingState": {"true": 1, "on": 1, "yes": 1, "false": 0, "off": 0, "no": 0},
    "ProgrammableSwitchEvent": {
        "single": 0, "press": 0, "pressed": 0, "click": 0, "short": 0, "double": 1, "long": 2,
        "hold": 2,
    },
}  # fmt: skip
_SEPARATORS = re.compile(r"[\s_./-]+")


def meaning(kind: Characteristic, text: str) -> int | None:
    """The value that a word names, in any case; None for a word that is none of it.

    Known are HAP's own names for the values of a state, what other programs call them, and for
    everything that is true or false: true, on, yes, open, detected; false, off, no, closed, clear.
    """
    if len(text) > 40:
        return None
    return _words(kind.name, kind.two_state).get(_folded(text))


def _folded(text: str) -> str:
    return _SEPARATORS.sub("", text).casefold()


@functools.cache
def _words(name: str, two_state: bool) -> Mapping[str, int]:
    own = {_folded(word): value for word, value in _haps_own().get(name, {}).items()}
    return {**(_TWO_STATE if two_state else {}), **own, **_SYNONYMS.get(name, {})}


@functools.cache
def _haps_own() -> Mapping[str, Mapping[str, int]]:
    text = resources.files("pyhap").joinpath("resources", "characteristics.json").read_text("utf-8")
    table: Mapping[str, Any] = json.loads(text)
    return {name: raw.get("ValidValues") or {} for name, raw in table.items()}
