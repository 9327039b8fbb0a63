"""Units that devices measure in, under the names that they have for them."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.homekit.definitions import Characteristic

__all__ = ["UNITS", "convertible", "from_unit", "in_unit", "unit_of"]

UNITS: dict[str, tuple[float, float]] = {
    "C": (1, 0), "F": (5 / 9, -160 / 9), "K": (1, -273.15),
    "hPa": (1, 0), "mbar": (1, 0), "Pa": (0.01, 0), "kPa": (10, 0), "bar": (1000, 0),
    "mmHg": (1.33322387415, 0), "inHg": (33.8638866667, 0), "psi": (68.9475729318, 0),
    "W": (1, 0), "mW": (0.001, 0), "kW": (1000, 0),
    "kWh": (1, 0), "Wh": (0.001, 0), "MWh": (1000, 0), "Wmin": (1 / 60000, 0),
    "J": (1 / 3.6e6, 0), "kJ": (1 / 3600, 0), "MJ": (1 / 3.6, 0),
    "V": (1, 0), "mV": (0.001, 0), "kV": (1000, 0), "A": (1, 0), "mA": (0.001, 0),
    "%": (1, 0), "fraction": (100, 0), "lx": (1, 0), "klx": (1000, 0),
    "ppm": (1, 0), "ppb": (0.001, 0), "ug/m3": (1, 0), "mg/m3": (1000, 0),
    "s": (1, 0), "min": (60, 0), "ms": (0.001, 0), "h": (3600, 0),
    "deg": (1, 0), "mired": (1, 0),
}  # fmt: skip
"""What a device may measure in: factor and offset to HomeKit's unit."""

_QUANTITIES = (
    ("C", "F", "K"),
    ("hPa", "mbar", "Pa", "kPa", "bar", "mmHg", "inHg", "psi"),
    ("W", "mW", "kW"),
    ("kWh", "Wh", "MWh", "Wmin", "J", "kJ", "MJ"),
    ("V", "mV", "kV"),
    ("A", "mA"),
    ("%", "fraction"),
    ("lx", "klx"),
    ("ppm", "ppb"),
    ("ug/m3", "mg/m3", "ppb", "ppm"),
    ("s", "min", "ms", "h"),
    ("deg",),
    ("mired", "K"),
)
"""Units that measure the same thing; HomeKit's comes first."""

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "C": ("°C", "℃", "degC", "Celsius", "deg C", "° C", "centigrade"),
    "F": ("°F", "℉", "degF", "Fahrenheit", "deg F", "° F"),
    "K": ("Kelvin", "°K", "degK"),
    "hPa": ("hectopascal",), "mbar": ("mb", "millibar"), "Pa": ("pascal",), "kPa": ("kilopascal",),
    "mmHg": ("Torr", "mm Hg"), "inHg": ("in Hg", '"Hg'), "psi": ("PSI",),
    "W": ("Watt", "Watts"), "kW": ("Kilowatt",),
    "kWh": ("kW/h", "kW h", "kilowatt hours", "kilowatthours"),
    "Wh": ("watt hours", "watthours", "W h"), "Wmin": ("W min", "watt minutes", "watt-minutes"),
    "V": ("Volt", "Volts"), "A": ("Amp", "Amps", "Ampere"),
    "%": ("percent", "percentage", "pct", "%RH", "%rH", "% RH"),
    "fraction": ("ratio", "0-1", "0..1", "0:1"),
    "lx": ("lux",), "klx": ("kilolux",),
    "ppm": ("parts per million",), "ppb": ("parts per billion",),
    "ug/m3": ("µg/m³", "μg/m³", "ug/m³", "µg/m3", "μg/m3", "ug/m^3", "µg/m^3"),
    "mg/m3": ("mg/m³", "mg/m^3"),
    "s": ("sec", "second", "seconds"), "min": ("minute", "minutes"), "h": ("hour", "hours"),
    "ms": ("millisecond", "milliseconds"), "deg": ("°", "degrees", "arcdegrees"),
    "mired": ("mireds",),
}  # fmt: skip
_BY_NAME = {name: name for name in UNITS} | {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases
}


_SHARES = {"ppb": 1.0, "ppm": 1000.0}
"""Of a gas's volume in that of the air, in ppb."""


def _in_any_case() -> dict[str, str]:
    """Names that are clear without their case: mW and MW are not."""
    found: dict[str, set[str]] = {}
    for alias, name in _BY_NAME.items():
        found.setdefault(alias.casefold(), set()).add(name)
    return {alias: next(iter(names)) for alias, names in found.items() if len(names) == 1}


_FOLDED = _in_any_case()

# HAP's names for units, and units of characteristics to which HAP gives none.
_HAPS = {"celsius": "C", "percentage": "%", "lux": "lx", "arcdegrees": "deg", "seconds": "s"}
_MIRED = "ColorTemperature"
# g/mol; of volatile organic compounds the mean of the mixture that indoor sensors are calibrated by
# (Molhave), as Sensirion's notes on the SGP30 have it.
_MOLAR_MASSES = {
    "VOCDensity": 110.0, "NitrogenDioxideDensity": 46.0055, "OzoneDensity": 47.9982,
    "SulphurDioxideDensity": 64.066,
}  # fmt: skip
_MOLAR_VOLUME = 24.45  # litres of any gas a mole, at 25 degrees and 1013 hPa


def unit_of(name: object) -> str | None:
    """The unit that is called so, by its name in UNITS; None where it is none we know."""
    if not isinstance(name, str):
        return None
    text = name.strip()
    return _BY_NAME.get(text) or _FOLDED.get(text.casefold())


def convertible(kind: Characteristic) -> tuple[str, ...]:
    """The units a characteristic can be measured in; empty for a plain number."""
    own = _own(kind)
    units = next((units for units in _QUANTITIES if units[0] == own), ())
    if own == "ug/m3" and kind.name not in _MOLAR_MASSES:
        return tuple(unit for unit in units if unit not in _SHARES)  # dust has no molecules
    return units


def in_unit(kind: Characteristic, unit: str) -> tuple[float, float] | None:
    """Factor and offset from a unit to HomeKit's; None where it is no line (kelvin to mired)."""
    if unit in _SHARES and kind.name in _MOLAR_MASSES:
        return _SHARES[unit] * _MOLAR_MASSES[kind.name] / _MOLAR_VOLUME, 0
    return None if kind.name == _MIRED and unit == "K" else UNITS[unit]


def from_unit(number: float) -> float:
    """Mired from kelvin, or kelvin from mired; 0 for 0."""
    return 1e6 / number if number else 0.0


def _own(kind: Characteristic) -> str:
    if kind.name == _MIRED:
        return "mired"
    if kind.name.endswith("Density"):
        return "ug/m3"
    if kind.name.startswith(("CarbonDioxide", "CarbonMonoxide")) and kind.format == "float":
        return "ppm"
    if kind.name.endswith("Duration"):
        return "s"
    if kind.name == "FilterLifeLevel":
        return "%"
    return _HAPS.get(kind.unit or "", kind.unit or "")
