"""Rules as people say them: `Cellar below 3 degrees for 20 min`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from difflib import get_close_matches

from hub.notifications.errors import RuleRefusedError
from hub.notifications.model import RuleKind, RuleOptions, kind_of

__all__ = ["Said", "Whereabouts", "parse"]

_NUMBER = r"([-\u2212]?\d+(?:[.,]\d+)?)"
_SPAN = r"(\d+(?:[.,]\d+)?)\s*(s|sec|seconds?|min|minutes?|h|hours?|d|days?)"
_LASTING = rf"(?:\s+for\s+(?:more than\s+)?{_SPAN})?"
_VALUE = re.compile(
    rf"(?P<before>.*?)\b(?P<side>above|over|below|under)\s+{_NUMBER}\s*(?P<unit>[^\d\s]\S*)?{_LASTING}"
)
_SILENT = re.compile(
    r"(?P<before>.*?)\bsilent(?:,?\s+(?:for\s+)?(\d+)\s+(?:reports?|wakes?)(?: missed)?)?"
)
_BATTERY = re.compile(
    rf"(?P<before>.*?)\bbattery\s+(?:is\s+)?(?:low|below\s+{_NUMBER}\s*%)?"
    r"(?:,?\s*(?:or\s+)?empty\s+within\s+(\d+)\s+days?)?"
)
_ODD = re.compile(r"(?P<before>.*?)\b(?:unusual(?:\s+values?)?|odd)")
_OTHERS = (
    (RuleKind.ROLLOUT, re.compile(r"(?:an?\s+)?rollout\s+(?:is\s+|was\s+)?halted")),
    (RuleKind.HOOK, re.compile(r"(?:a\s+)?hook(?:'s\s+run)?\s+(?:failed|passed|failed or passed)")),
    (RuleKind.BACKUP, re.compile(r"(?:the\s+)?backup\s+failed")),
    (RuleKind.DISK, re.compile(r"(?:the\s+)?disk\s+(?:is\s+)?nearly\s+full")),
)
_AWAY = re.compile(rf"(?:the\s+)?hub(?:,\s*or\s+its\s+broker,)?\s+(?:was\s+|is\s+)?away{_LASTING}")
_CLOCK = r"(\d{1,2}(?::\d\d)?)"
_HOURS = re.compile(
    rf"(?P<rest>.*?),?\s+(?:only\s+)?(?:(?:between|from)\s+)?{_CLOCK}\s*(?:and|to|until|-|\u2013)"
    rf"\s*{_CLOCK}(?:\s*h|\s+o'clock)?",
    re.IGNORECASE,
)
_TUNNEL = re.compile(rf"(?:an?\s+|the\s+)?(?:site's\s+)?tunnel\s+(?:is\s+|was\s+)?down{_LASTING}")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# What units mean where nothing is said of what is measured.
_BY_UNIT = {
    "degrees": "CurrentTemperature", "degree": "CurrentTemperature", "°c": "CurrentTemperature",
    "°": "CurrentTemperature", "c": "CurrentTemperature", "%": "CurrentRelativeHumidity",
    "ppm": "CarbonDioxideLevel", "hpa": "AirPressure", "lx": "CurrentAmbientLightLevel",
    "lux": "CurrentAmbientLightLevel", "w": "Power", "v": "Voltage", "kwh": "Energy",
}  # fmt: skip
_FAHRENHEIT = {"f", "°f", "fahrenheit"}
_SHORT = {
    "humidity": "CurrentRelativeHumidity", "co2": "CarbonDioxideLevel", "co₂": "CarbonDioxideLevel",
    "pressure": "AirPressure", "window": "ContactSensorState", "door": "ContactSensorState",
}  # fmt: skip
_STATES = (
    "ContactSensorState", "MotionDetected", "LeakDetected", "SmokeDetected", "OccupancyDetected",
    "CarbonMonoxideDetected",
)  # fmt: skip
_MEASURED = (
    "CurrentTemperature", "CurrentRelativeHumidity", "CarbonDioxideLevel", "AirPressure",
    "CurrentAmbientLightLevel", "BatteryLevel", "Power", "Voltage", "Energy", *_STATES,
)  # fmt: skip
_FILLING = re.compile(r"^(?:in|at|any|every|each)\s+|\s*[:,]\s*$|\s+(?:is|are|falls|rises|goes)$")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Who can be meant: numbers of places by name and path, ids of devices by name and id."""

    places: Mapping[str, Sequence[int]]
    devices: Mapping[str, Sequence[str]]

    def find(self, name: str) -> tuple[int | None, str | None]:
        """A place, or a device; neither for no name. Raises RuleRefusedError."""
        wanted = re.sub(r"\s*/\s*", "/", name.strip()).casefold()
        if wanted in {"", "any device", "any", "all", "everywhere"}:
            return None, None
        places, devices = self.places.get(wanted, ()), self.devices.get(wanted, ())
        if len(places) + len(devices) > 1:
            raise RuleRefusedError(
                f"{name!r} is the name of several places or devices: write a place with those "
                "around it (House/Cellar), or a device's id"
            )
        if places:
            return places[0], None
        if devices:
            return None, devices[0]
        near = get_close_matches(wanted, [*self.places, *self.devices], 1, 0.6)
        perhaps = f": is it {near[0]}?" if near else ""
        raise RuleRefusedError(f"there is no place and no device {name!r}{perhaps}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a sentence means; `name` is the sentence without blanks around it."""

    kind: RuleKind
    options: RuleOptions
    place: int | None = None
    device: str | None = None


def parse(text: str, whereabouts: Whereabouts) -> Said:
    """The rule that a sentence says. Raises RuleRefusedError with what is not understood."""
    said = " ".join(text.split()).rstrip(".")
    hours = _hours(said)
    if hours is not None:
        rest, options = hours
        inner = parse(rest, whereabouts)
        return replace(inner, options=inner.options.model_copy(update=options))
    for kind, pattern in _OTHERS:
        if pattern.fullmatch(said.lower()):
            return Said(kind, RuleOptions())
    away = _AWAY.fullmatch(said.lower())
    if away:
        return Said(RuleKind.AWAY, RuleOptions(lasting_s=_seconds(*away.groups())))
    down = _TUNNEL.fullmatch(said.lower())
    if down:
        return Said(RuleKind.TUNNEL, RuleOptions(lasting_s=_seconds(*down.groups())))
    for read in (_battery, _silent, _odd, _value, _state):
        found = read(said, whereabouts)
        if found is not None:
            return found
    raise RuleRefusedError(
        f"{said[:100]!r} is not understood: say it like 'Cellar temperature below 3 °C for 20 "
        "min', 'School silent', 'battery low or empty within 14 days', 'unusual values', 'rollout "
        "halted', 'hook failed', 'backup failed', 'hub was away' or 'disk nearly full'"
    )


def _hours(said: str) -> tuple[str, dict[str, time]] | None:
    """Of `... between 22:00 and 06:00` what is before it, and the hours."""
    found = _HOURS.fullmatch(said)
    if found is None or not re.search(r"between|from|:", said[len(found["rest"]) :], re.IGNORECASE):
        return None
    since, until = (_time(one) for one in found.groups()[1:])
    if since == until:
        raise RuleRefusedError("hours that begin and end at the same time are none: leave them out")
    return found["rest"], {"hours_from": since, "hours_until": until}


def _time(text: str) -> time:
    hour, _, minute = text.partition(":")
    try:
        return time(0 if hour == "24" and not int(minute or 0) else int(hour), int(minute or 0))
    except ValueError:
        raise RuleRefusedError(f"{text} is no time of day: write 22:00") from None


def _match(pattern: re.Pattern[str], said: str) -> re.Match[str] | None:
    return re.compile(pattern.pattern, re.IGNORECASE).fullmatch(said)


def _battery(said: str, whereabouts: Whereabouts) -> Said | None:
    found = _match(_BATTERY, said)
    if found is None or said.lower().rstrip().endswith("battery"):
        return None
    percent, days = found.group(2), found.group(3)
    options = RuleOptions(
        percent=None if percent is None else _number(percent),
        within_days=None if days is None else int(days),
    )
    return Said(RuleKind.BATTERY, options, *whereabouts.find(_bare(found["before"])))


def _silent(said: str, whereabouts: Whereabouts) -> Said | None:
    found = _match(_SILENT, said)
    if found is None:
        return None
    options = RuleOptions() if found.group(2) is None else RuleOptions(missed=int(found.group(2)))
    return Said(RuleKind.SILENT, options, *whereabouts.find(_bare(found["before"])))


def _odd(said: str, whereabouts: Whereabouts) -> Said | None:
    found = _match(_ODD, said)
    if found is None:
        return None
    return Said(RuleKind.ODD, RuleOptions(), *whereabouts.find(_bare(found["before"])))


def _value(said: str, whereabouts: Whereabouts) -> Said | None:
    found = _match(_VALUE, said)
    if found is None:
        return None
    unit = (found["unit"] or "").lower()
    if unit in _FAHRENHEIT:
        raise RuleRefusedError("temperatures are in °C here")
    where, characteristic = _measured(_bare(found["before"]), whereabouts)
    if not characteristic:
        characteristic = _BY_UNIT.get(unit, "" if unit else "CurrentTemperature")
    own = kind_of(characteristic).unit.lower()
    if not characteristic or (unit and unit != own and _BY_UNIT.get(unit) != characteristic):
        raise RuleRefusedError(
            f"what is measured in {found['unit']}? say it before the limit: temperature, humidity, "
            "CO2, pressure, light, power, or HomeKit's name of it"
        )
    limit, groups = _number(found.group(3)), found.groups()
    side = "above" if found["side"].lower() in {"above", "over"} else "below"
    lasting = _seconds(*groups[-2:])
    options = RuleOptions.model_validate(
        {"characteristic": characteristic, side: limit, "lasting_s": lasting}
    )
    return Said(RuleKind.VALUE, options, *whereabouts.find(where))


def _state(said: str, whereabouts: Whereabouts) -> Said | None:
    found = re.fullmatch(rf"(.*?)\b(\w+){_LASTING}", said, re.IGNORECASE)
    if found is None:
        return None
    word, lasting = found.group(2).lower(), _seconds(found.group(3), found.group(4))
    where, characteristic = _measured(_bare(found.group(1)), whereabouts)
    for name in [characteristic] if characteristic else _STATES:
        for value, its in kind_of(name).words.items():
            if its == word and value in {0, 1}:
                limit = {"above": 0.5} if value else {"below": 0.5}
                options = RuleOptions.model_validate(
                    {"characteristic": name, "lasting_s": lasting, **limit}
                )
                return Said(RuleKind.VALUE, options, *whereabouts.find(where))
    return None


def _measured(text: str, whereabouts: Whereabouts) -> tuple[str, str]:
    """Of `Cellar temperature` who it is and what is measured; the latter may be missing."""
    if text.casefold() in {*whereabouts.places, *whereabouts.devices}:
        return text, ""
    names = {kind_of(name).label.lower(): name for name in _MEASURED} | _SHORT
    names |= {name.lower(): name for name in _MEASURED}
    lowered = text.lower()
    for label in sorted(names, key=len, reverse=True):
        if lowered == label or lowered.endswith((f" {label}", f":{label}")):
            return _bare(text[: len(text) - len(label)]), names[label]
    # HomeKit's name of anything else.
    last = text.rpartition(" ")[2]
    if re.fullmatch(r"[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+", last):
        return _bare(text[: len(text) - len(last)]), last
    return text, ""


def _bare(text: str) -> str:
    before = None
    while before != text:
        before, text = text, _FILLING.sub("", text.strip())
    return text


def _number(text: str) -> float:
    return float(text.replace("\u2212", "-").replace(",", "."))


def _seconds(number: str | None, unit: str | None) -> float:
    if number is None or unit is None:
        return 0.0
    return _number(number) * _SECONDS[unit[0].lower()]
