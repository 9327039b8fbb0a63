"""States that follow from what was measured: air quality, gas alarms, a low battery. Pure.

Home shows a sensor by its state; many devices publish the measurement alone. The thresholds are
public limits for indoor and outdoor air, in definitions.json: the European Air Quality Index for
particles, NO2, O3 and SO2 (ug/m3), the German environment agency's classes for VOC (ug/m3), EN
13779 for CO2 and the WHO's for CO (ppm) in an air quality sensor; 1000 ppm CO2 (Pettenkofer) and
35 ppm CO (NIOSH) for an alarm; a battery is low below 20 %.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Mapping
from importlib import resources
from types import MappingProxyType

from contracts.reading import Value

__all__ = ["SOURCES", "THRESHOLDS", "derived"]

_POLLUTANTS = (
    "PM2.5Density", "PM10Density", "NitrogenDioxideDensity", "OzoneDensity",
    "SulphurDioxideDensity", "VOCDensity", "CarbonDioxideLevel", "CarbonMonoxideLevel",
    "AirParticulateDensity",
)  # fmt: skip

SOURCES: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("CarbonDioxideSensor", "CarbonDioxideDetected"): ("CarbonDioxideLevel",),
        ("CarbonMonoxideSensor", "CarbonMonoxideDetected"): ("CarbonMonoxideLevel",),
        ("AirQualitySensor", "AirQuality"): _POLLUTANTS,
        ("BatteryService", "StatusLowBattery"): ("BatteryLevel",),
    }
)
"""By service and characteristic: of which characteristics of the same service it follows."""


def _thresholds() -> Mapping[str, tuple[float, ...]]:
    text = resources.files("contracts.homekit").joinpath("definitions.json").read_text("utf-8")
    table: dict[str, list[float]] = json.loads(text)["thresholds"]
    return {name: tuple(limits) for name, limits in table.items()}


THRESHOLDS: Mapping[str, tuple[float, ...]] = MappingProxyType(_thresholds())
"""By "<Service>/<Characteristic>": one for an alarm, four between five classes of air quality."""


def derived(
    service: str,
    characteristic: str,
    value: Callable[[str], Value | None],
    thresholds: Callable[[str], tuple[float, ...]] = lambda _: (),
) -> Value | None:
    """What follows from the other values of a service; None where none of them is known.

    `value` tells what was measured by characteristic, `thresholds` what a person has set for it,
    or nothing. An alarm is above its threshold, a low battery below it; of several pollutants the
    worst counts (1 excellent to 5 poor).
    """
    sources = SOURCES.get((service, characteristic), ())
    known = {name: float(v) for name in sources if (v := value(name)) is not None}
    if not known:
        return None
    if characteristic == "AirQuality":
        coarse = value("AirParticulateSize") == 1
        return max(_class(name, v, thresholds(name), coarse=coarse) for name, v in known.items())
    [(name, measured)] = known.items()
    [limit] = thresholds(name) or THRESHOLDS[f"{service}/{name}"]
    return int(measured < limit) if name == "BatteryLevel" else int(measured > limit)


def _class(name: str, measured: float, own: tuple[float, ...], *, coarse: bool) -> int:
    if name == "AirParticulateDensity":
        name = "PM10Density" if coarse else "PM2.5Density"
    limits = own or THRESHOLDS[f"AirQualitySensor/{name}"]
    return 1 + bisect_left(limits, measured)
