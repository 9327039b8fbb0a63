"""What HomeKit keeps in several characteristics and Home Assistant has in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contracts.homekit.values import BadValue
from contracts.reading import SeriesKey, Value
from hub.homeassistant.actuators import HEATER_COOLER_MODE, HUE_SATURATION

__all__ = ["combined", "parts"]

Ask = Callable[[str], Value]
"""The value of another characteristic of the same service."""


def _hue_saturation(ask: Ask) -> str:
    return f"{ask('Hue')},{ask('Saturation')}"


def _mode(ask: Ask) -> str:
    return str(ask("TargetHeaterCoolerState")) if ask("Active") else "off"


_COMBINED: Mapping[tuple[str, str], tuple[str, Callable[[Ask], str]]] = {
    ("Lightbulb", "Hue"): (HUE_SATURATION, _hue_saturation),
    ("Lightbulb", "Saturation"): (HUE_SATURATION, _hue_saturation),
    ("HeaterCooler", "Active"): (HEATER_COOLER_MODE, _mode),
    ("HeaterCooler", "TargetHeaterCoolerState"): (HEATER_COOLER_MODE, _mode),
}


def combined(key: SeriesKey) -> dict[str, Callable[[Ask], str]]:
    """What a characteristic is a part of, by name, and how that is made."""
    found = _COMBINED.get((key.service, key.characteristic))
    return {} if found is None else {found[0]: found[1]}


def parts(service: str, name: str, text: str) -> list[tuple[str, str]]:
    """What is to be written where for a wish: characteristics and values, in order.

    Raises BadValue.
    """
    if (service, name) == ("Lightbulb", HUE_SATURATION):
        hue, comma, saturation = text.partition(",")
        if not comma:
            raise BadValue("format", f"{text[:40]!r} is not hue,saturation")
        return [("Hue", hue.strip()), ("Saturation", saturation.strip())]
    if (service, name) == ("HeaterCooler", HEATER_COOLER_MODE):
        if text == "off":
            return [("Active", "0")]
        return [("TargetHeaterCoolerState", text), ("Active", "1")]
    return [(name, text)]
