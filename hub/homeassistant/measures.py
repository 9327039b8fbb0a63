"""What only tells something: sensors and binary sensors, and whatever has no entity of its own.

Names of classes and units are Home Assistant's (its documentation of the MQTT sensor, number,
select and binary sensor).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.homekit.definitions import CHARACTERISTICS
from hub.homeassistant.view import Entity, ServiceView, table

__all__ = ["measures"]

# Device class and unit of what is measured.
_SENSORS: Mapping[str, tuple[str | None, str]] = {
    "CurrentTemperature": ("temperature", "°C"),
    "CurrentRelativeHumidity": ("humidity", "%"),
    "CurrentAmbientLightLevel": ("illuminance", "lx"),
    "BatteryLevel": ("battery", "%"),
    "AirPressure": ("atmospheric_pressure", "hPa"),
    "Power": ("power", "W"),
    "Energy": ("energy", "kWh"),
    "Voltage": ("voltage", "V"),
    "Current": ("current", "A"),
    "CarbonDioxideLevel": ("carbon_dioxide", "ppm"),
    "CarbonDioxidePeakLevel": ("carbon_dioxide", "ppm"),
    "CarbonMonoxideLevel": ("carbon_monoxide", "ppm"),
    "CarbonMonoxidePeakLevel": ("carbon_monoxide", "ppm"),
    "PM2.5Density": ("pm25", "µg/m³"),
    "PM10Density": ("pm10", "µg/m³"),
    "VOCDensity": ("volatile_organic_compounds", "µg/m³"),
    "OzoneDensity": ("ozone", "µg/m³"),
    "NitrogenDioxideDensity": ("nitrogen_dioxide", "µg/m³"),
    "SulphurDioxideDensity": ("sulphur_dioxide", "µg/m³"),
    "AirParticulateDensity": (None, "µg/m³"),
    "FilterLifeLevel": (None, "%"),
    "WaterLevel": (None, "%"),
    "RemainingDuration": ("duration", "s"),
}
_EVER_MORE = {"Energy"}
# Device class of what is so or not; the value that means so is 1.
_BINARY: Mapping[str, str | None] = {
    "MotionDetected": "motion",
    "OccupancyDetected": "occupancy",
    "ContactSensorState": "opening",
    "LeakDetected": "moisture",
    "SmokeDetected": "smoke",
    "CarbonMonoxideDetected": "carbon_monoxide",
    "CarbonDioxideDetected": "problem",
    "ObstructionDetected": "problem",
    "FilterChangeIndication": "problem",
    "OutletInUse": "power",
    "InUse": "running",
    "StatusLowBattery": "battery",
    "StatusTampered": "tamper",
    "StatusFault": "problem",
    "StatusJammed": "problem",
    "StatusActive": None,
}
_DIAGNOSTIC = {
    "BatteryLevel", "ChargingState", "FilterLifeLevel", "FilterChangeIndication",
    "StatusLowBattery", "StatusTampered", "StatusFault", "StatusJammed", "StatusActive",
}  # fmt: skip
# Names, numbers of order and blobs: nothing that a person would look at there.
_UNSHOWN = {
    "Name", "ConfiguredName", "Identify", "ServiceLabelIndex", "ServiceLabelNamespace",
    "Identifier", "Version", "ValveType", "SlatType", "InputSourceType", "InputDeviceType",
    "IsConfigured", "SleepDiscoveryMode", "TemperatureDisplayUnits", "VolumeControlType",
    "ProgrammableSwitchEvent", "CurrentVisibilityState", "TargetVisibilityState",
    "HoldPosition", "AirParticulateSize",
}  # fmt: skip


def measures(view: ServiceView, names: list[str]) -> Iterator[Entity]:
    """An entity for each of these characteristics that a person would look at."""
    for name in names:
        kind = CHARACTERISTICS[name]
        if name in _UNSHOWN or not kind.readable or kind.format in {"tlv8", "data"}:
            continue
        component, config = _measure(view, name)
        category = {"entity_category": "diagnostic"} if name in _DIAGNOSTIC else {}
        yield view.entity(component, name, {**_told(view, name), **config, **category}, name)


def _told(view: ServiceView, name: str) -> dict[str, Any]:
    return {"state_topic": view.state(name), **view.command(name)}


def _measure(view: ServiceView, name: str) -> tuple[str, dict[str, Any]]:
    """Component and configuration by what values there are."""
    writable, kind = view.settable(name), CHARACTERISTICS[name]
    if name in _SENSORS and not writable:
        device_class, unit = _SENSORS[name]
        state_class = "total_increasing" if name in _EVER_MORE else "measurement"
        named = {"device_class": device_class} if device_class else {}
        return "sensor", {**named, "unit_of_measurement": unit, "state_class": state_class}
    if name in _BINARY and not writable:
        device_class = _BINARY[name]
        named = {"device_class": device_class} if device_class else {}
        return "binary_sensor", {**named, "payload_on": "1", "payload_off": "0"}
    states = view.quantity(name).words
    if kind.format == "bool" or (kind.valid and set(kind.valid) <= {0, 1} and writable):
        on_off = {"payload_on": "1", "payload_off": "0"}
        return ("switch" if writable else "binary_sensor"), on_off
    if kind.valid or states:
        return _choice(view, name, writable=writable)
    if kind.format == "string":
        return "sensor", {}
    return _number(view, name, writable=writable)


def _choice(view: ServiceView, name: str, *, writable: bool) -> tuple[str, dict[str, Any]]:
    states = view.quantity(name).words
    valid = view.limits[name].valid or tuple(states)
    called = {value: states.get(value, str(value)) for value in valid}
    options = list(dict.fromkeys(called.values()))
    config: dict[str, Any] = {"options": options, "value_template": table(called)}
    if writable:
        back = {word: value for value, word in called.items()}
        return "select", {**config, "command_template": table(back)}
    return "sensor", {**config, "device_class": "enum"}


def _number(view: ServiceView, name: str, *, writable: bool) -> tuple[str, dict[str, Any]]:
    unit = view.quantity(name).unit
    config: dict[str, Any] = {"unit_of_measurement": unit} if unit else {}
    if not writable:
        return "sensor", {**config, "state_class": "measurement"}
    limits = view.limits[name]
    config |= {"min": limits.minimum or 0, "max": 100 if limits.maximum is None else limits.maximum}
    return "number", {**config, "step": limits.step or 1}
