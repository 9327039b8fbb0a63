"""What a file's names are here, and its values as values of ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from contracts.homekit.definitions import CHARACTERISTICS, SERVICES, belongs
from contracts.homekit.quantities import quantity
from contracts.homekit.values import BadValue, parse
from contracts.reading import SeriesKey, Value
from contracts.topics import is_device_id
from hub.errors import HubError
from hub.imports.model import Target
from hub.mapping.units import convertible, from_unit, in_unit, unit_of

__all__ = ["Converter", "MappingRefusedError", "names_of", "own_name", "suggested"]

_OURS = re.compile(
    r"(?P<device>[A-Za-z0-9_-]{1,64})/(?P<service>[A-Za-z0-9]{1,64})"
    r"(/(?P<index>[0-9]{1,3}))?/(?P<characteristic>[A-Za-z0-9.]{1,64})"
)
_LONGEST = 500
_UNKNOWN = frozenset({"", "unavailable", "unknown"})
_NOTHING = frozenset({"none", "null", "nan", "n/a", "na", "-", "--"})

# What a name could be: words in it (or any), unit (or any), service and characteristic.
_GUESSES: tuple[tuple[str, str, str], ...] = (
    (r"humid|feuchte", "%", "HumiditySensor/CurrentRelativeHumidity"),
    (r"batter", "%", "BatteryService/BatteryLevel"),
    (r"", "C", "TemperatureSensor/CurrentTemperature"),
    (r"", "lx", "LightSensor/CurrentAmbientLightLevel"),
    (r"", "ppm", "CarbonDioxideSensor/CarbonDioxideLevel"),
    (r"", "hPa", "AirPressureSensor/AirPressure"),
    (r"", "kWh", "EnergyMeter/Energy"),
    (r"", "W", "EnergyMeter/Power"),
    (r"", "V", "EnergyMeter/Voltage"),
    (r"", "A", "EnergyMeter/Current"),
    (r"temp", "", "TemperatureSensor/CurrentTemperature"),
    (r"humid|feuchte", "", "HumiditySensor/CurrentRelativeHumidity"),
    (r"illumin|lux|light_level", "", "LightSensor/CurrentAmbientLightLevel"),
    (r"co2|carbon_dioxide", "", "CarbonDioxideSensor/CarbonDioxideLevel"),
    (r"pressure|luftdruck", "", "AirPressureSensor/AirPressure"),
    (r"energy|kwh", "", "EnergyMeter/Energy"),
    (r"power|watt", "", "EnergyMeter/Power"),
    (r"motion|pir", "", "MotionSensor/MotionDetected"),
    (r"door|window|contact", "", "ContactSensor/ContactSensorState"),
    (r"leak|flood|water", "", "LeakSensor/LeakDetected"),
)


class MappingRefusedError(HubError):
    """What a name is to be here is no series."""

    http_status = 422
    exit_status = 2


def own_name(name: str) -> SeriesKey | None:
    """The key of what is called as our series are: `device/Service/Characteristic`."""
    found = _OURS.fullmatch(name)
    if found is None:
        return None
    return SeriesKey(
        found["device"], found["service"], int(found["index"] or 0), found["characteristic"]
    )


def names_of(lines: Iterable[str]) -> Mapping[str, Target]:
    """A mapping from `theirs=device/Service/Characteristic`, with `@unit` behind or without.

    The last `=` divides. Raises MappingRefusedError.
    """
    names: dict[str, Target] = {}
    for line in lines:
        theirs, divided, ours = line.strip().rpartition("=")
        ours, _, unit = ours.partition("@")
        key = own_name(ours.strip())
        if not divided or not theirs or len(theirs) > _LONGEST or key is None:
            raise MappingRefusedError(
                f"{line[:100]!r}: write theirs=device/Service/Characteristic, or with what it is "
                "measured in: theirs=device/Service/Characteristic@°F"
            )
        if why := refusal(key):
            raise MappingRefusedError(f"{line[:100]!r}: {why}")
        if unit and unit_of(unit) is None:
            raise MappingRefusedError(f"{line[:100]!r}: the unit {unit[:20]!r} is not known")
        names[theirs] = Target(key, unit or None)
    return names


def refusal(key: SeriesKey) -> str:
    """Why a key is no series of HomeKit's; empty where it is one."""
    if not is_device_id(key.device):
        return f"{key.device!r} cannot be a device"
    if key.service not in SERVICES:
        return f"no HomeKit service is called {key.service}"
    if key.characteristic not in CHARACTERISTICS:
        return f"no HomeKit characteristic is called {key.characteristic}"
    if not belongs(key.service, key.characteristic):
        return f"{key.service} has no characteristic {key.characteristic}"
    return ""


def suggested(name: str, unit: str) -> str:
    """What a name could be here, by its words and its unit; empty where nothing tells."""
    word, known = name.casefold(), unit_of(unit) or ""
    device = re.sub(r"[^a-z0-9]+", "_", word.split(".", 1)[-1]).strip("_")[:64] or "imported"
    for pattern, of, series in _GUESSES:
        kind = CHARACTERISTICS[series.split("/")[1]]
        fits = known in convertible(kind) if of and known else known == of
        if fits and re.search(pattern, word):
            return f"{device}/{series}"
    return ""


class Converter:
    """The values of one name, as its series has them.

    `problem` says why none of them can be: then nothing is converted. `unit` is what they are
    taken to be in.
    """

    def __init__(self, target: Target, unit: str) -> None:
        self.key = target.key
        self.problem = refusal(self.key)
        self._kind = CHARACTERISTICS.get(self.key.characteristic)
        self._line: tuple[float, float] | None = None
        self._converts = False
        told = target.unit or unit
        self.unit = told or quantity(self.key).unit
        if self._kind is None or self.problem or not told:
            return
        known, own = unit_of(told), convertible(self._kind)
        if not own:
            return  # a plain number, kept as it is
        if known is None or known not in own:
            self.problem = (
                f"is in {told}, {self.key.characteristic} in {quantity(self.key).unit or own[0]}: "
                "map it to another, or say its unit with @"
            )
            return
        self._line = in_unit(self._kind, known)
        self._converts = self._line != (1, 0)

    def value(self, text: str) -> Value | None:
        """A value of ours; None where the file says that there is none. Raises BadValue."""
        folded = text.strip().casefold()
        if folded in _UNKNOWN:
            return None
        try:
            if self._converts:
                return self._converted(folded)
            return parse(self.key.service, self.key.characteristic, text.strip())
        except BadValue:
            if folded in _NOTHING:
                return None
            raise

    def _converted(self, text: str) -> Value:
        try:
            number = float(text)
        except ValueError:
            raise BadValue("format", f"{text[:40]!r} is no number") from None
        number = from_unit(number) if self._line is None else (
            number * self._line[0] + self._line[1])  # fmt: skip
        # Ten digits are more than any sensor has, and none of what floats add.
        return parse(self.key.service, self.key.characteristic, float(f"{number:.10g}"))
