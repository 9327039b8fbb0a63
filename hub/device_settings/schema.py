"""What may be requested of a device, and within which bounds. Pure.

The bounds are those of firmware/dormouse/settings.py, which is no part of an installed hub; a
test compares the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.hosts import MAX_HOSTS, host_problem
from contracts.wifi import has_control, key_problem, ssid_problem
from hub.device_settings.errors import ConfigError

__all__ = ["SECRET", "SETTINGS", "DeviceSetting", "checked", "masked", "parse", "split_secrets"]

MASK = "***"

_FINGERPRINT = re.compile(r"([0-9a-f]{16})?")


@dataclass(frozen=True, slots=True)
class DeviceSetting:
    """One setting: `check` returns the value as it is published or raises ConfigError."""

    name: str
    what: str
    check: Callable[[str, object], object]
    unit: str = ""


def _whole(low: int, high: int, unit: str) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ConfigError(name, f"must be a whole number of {unit}")
        if not low <= value <= high:
            raise ConfigError(name, f"{value} is not from {low} to {high} {unit}")
        return value

    return check


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(name, "must be true or false")
    return value


def _text(longest: int) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if not isinstance(value, str) or has_control(value):
            raise ConfigError(name, "must be text without control characters")
        if len(value) > longest:
            raise ConfigError(name, f"{len(value)} characters where {longest} are allowed")
        return value

    return check


def _hosts(name: str, value: object) -> str:
    """Addresses of machines, separated by commas."""
    hosts = [one.strip() for one in str(value).split(",") if one.strip()]
    if not isinstance(value, str) or len(joined := ",".join(hosts)) > MAX_HOSTS:
        raise ConfigError(name, f"must be hosts separated by commas, {MAX_HOSTS} characters")
    for host in hosts:
        if problem := host_problem(host):
            raise ConfigError(name, problem)
    return joined


def _fingerprint(name: str, value: object) -> str:
    if not isinstance(value, str) or not _FINGERPRINT.fullmatch(value):
        raise ConfigError(name, "must be a key's fingerprint, 16 hex digits, or empty for any key")
    return value


def _wifi(name: str, value: object) -> dict[str, str]:
    """Credentials as WPA2 allows them; an empty key is an open network."""
    if not isinstance(value, Mapping) or not {"ssid"} <= value.keys() <= {"ssid", "key"}:
        raise ConfigError(name, "must have ssid, and key unless the network is open")
    ssid, key = value["ssid"], value.get("key", "")
    if not isinstance(ssid, str) or not isinstance(key, str):
        raise ConfigError(name, "ssid and key must be text")
    if problem := ssid_problem(ssid) or key_problem(key):
        raise ConfigError(name, problem)
    return {"ssid": ssid, "key": key}


_DRIVER = re.compile(r"[a-z][a-z0-9]{1,23}")
_MEMBER = re.compile(r"[a-z][a-z0-9_]{0,23}")
_PIN_MEMBERS = frozenset({"pin", "scl", "sda", "cs", "rx", "set"})
_PINS = frozenset({0, 1, 2, 3, 4, 5, 12, 13, 14, 15})  # 6..11 are the flash's, 16 wakes the device
# Bounds that hold whatever the driver: I2C addresses that a device can have (7 bits, less those the
# bus reserves), and what can be at a battery.
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "address": (0x08, 0x77),
    **dict.fromkeys(("scale_mv", "empty_mv", "full_mv"), (500, 20000)),
}
_SMALL = (1 - (1 << 30), (1 << 30) - 1)  # what MicroPython has without an object
_MOST_SENSORS = 12
_SENSORS_SIZE = 1200  # characters of JSON: a device takes no packet beyond 2048 bytes


def _sensors(name: str, value: object) -> list[dict[str, object]]:
    """A list as the firmware's settings have it; which drivers there are only the device knows."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigError(name, 'must be a list: [{"driver": "ds18b20", "pin": 4}]')
    if len(value) > _MOST_SENSORS:
        raise ConfigError(name, f"{len(value)} where {_MOST_SENSORS} are allowed")
    sensors = [_sensor(name, number, entry) for number, entry in enumerate(value)]
    if len(json.dumps(sensors)) > _SENSORS_SIZE:
        raise ConfigError(name, f"longer than {_SENSORS_SIZE} characters")
    return sensors


def _sensor(name: str, number: int, entry: object) -> dict[str, object]:
    where = f"number {number + 1}"
    if not isinstance(entry, Mapping):
        raise ConfigError(name, f'{where} must be like {{"driver": "ds18b20", "pin": 4}}')
    driver = entry.get("driver")
    if not isinstance(driver, str) or not _DRIVER.fullmatch(driver):
        raise ConfigError(name, f"{where} must name its driver")
    for member, value in entry.items():
        if problem := _member_problem(member, value):
            raise ConfigError(name, f"{where} ({driver}): {problem}")
    if problem := _contradiction(entry):
        raise ConfigError(name, f"{where} ({driver}): {problem}")
    return dict(entry)


def _member_problem(member: object, value: object) -> str:
    """What is wrong with one setting of a sensor, whatever its driver; "" if nothing is."""
    if not isinstance(member, str) or not _MEMBER.fullmatch(member):
        return f"{str(member)[:24]!r} is no setting"
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return f"{member} must be a whole number or text"
    if isinstance(value, str) and (len(value) > 32 or has_control(value)):
        return f"{member} is not 1 to 32 characters"
    if member in _PIN_MEMBERS:
        allowed = ", ".join(str(pin) for pin in sorted(_PINS))
        return "" if value in _PINS else f"{member} is no GPIO of {allowed}"
    low, high = _BOUNDS.get(member, _SMALL)
    within = member not in _BOUNDS if isinstance(value, str) else low <= value <= high
    if not within:
        return f"{member} is not a whole number from {low} to {high}"
    return ""


def _contradiction(entry: Mapping[str, Any]) -> str:
    """What cannot be true together in one sensor's settings, "" if all can."""
    if "scl" in entry and entry["scl"] == entry.get("sda"):
        return "scl and sda are one pin"
    empty, full = entry.get("empty_mv"), entry.get("full_mv")
    if empty is not None and full is not None and full <= empty:
        return f"full_mv {full} is not above empty_mv {empty}"
    if empty is not None and entry.get("scale_mv", empty + 1) <= empty:
        return f"scale_mv {entry['scale_mv']} is not above empty_mv {empty}"
    return ""


_DAY = 86400

SETTINGS: Mapping[str, DeviceSetting] = {
    setting.name: setting
    for setting in (
        DeviceSetting(
            "interval",
            "how long it sleeps between two wakes, or how often one that stays awake measures",
            _whole(1, 30 * _DAY, "seconds"),
            "s",
        ),
        DeviceSetting(
            "deadline_ms", "when a wake ends at the latest", _whole(500, 60000, "milliseconds"),
            "ms",
        ),
        DeviceSetting("name", "what it is called", _text(64)),
        DeviceSetting(
            "plain", "whether it says each value on a topic of its own, for other programs", _truth
        ),
        DeviceSetting(
            "brokers",
            "hosts of further brokers, tried in their order when its own does not answer",
            _hosts,
        ),
        DeviceSetting("model", "what kind of device it says it is", _text(32)),
        DeviceSetting("ota_key", "fingerprint of the one key whose updates it takes", _fingerprint),
        DeviceSetting("sensors", "what is attached, tried with the old list to go back", _sensors),
        DeviceSetting("wifi", "network to join, tried with the old one to fall back to", _wifi),
    )
}  # fmt: skip
"""All that can be set, by name."""

SECRET: Mapping[str, frozenset[str]] = {"wifi": frozenset({"key"})}
"""Settings that are requested once and not kept: which of their members nobody may see."""


def checked(changes: Mapping[str, object]) -> dict[str, object]:
    """The changes as they are published; None (withdrawn) stays None. Raises ConfigError."""
    if not changes:
        raise ConfigError("settings", f"none named; there are {', '.join(SETTINGS)}")
    settings: dict[str, object] = {}
    for name, value in changes.items():
        setting = SETTINGS.get(name)
        if setting is None:
            raise ConfigError(name[:64], f"no such setting; there are {', '.join(SETTINGS)}")
        settings[name] = None if value is None else setting.check(name, value)
    return settings


def parse(assignment: str) -> tuple[str, object]:
    """(name, value) of `interval=600`; `interval=` withdraws it. Raises ConfigError.

    A setting that is not text or a number cannot be written so.
    """
    name, equals, text = assignment.partition("=")
    if not equals:
        raise ConfigError(assignment[:64], "must be written as name=value")
    if not text:
        return name, None
    if name in SECRET:
        raise ConfigError(name, "is not given here, where others could read it; see --help")
    if name == "sensors":
        try:
            return name, json.loads(text)
        except (ValueError, RecursionError):
            raise ConfigError(name, 'must be JSON: [{"driver": "ds18b20", "pin": 4}]') from None
    if name in _TRUTHS:
        return name, _WORDS.get(text.lower(), text)
    return name, int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) and name in _NUMBERS else text


_TRUTHS = frozenset({"plain"})
_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}
_NUMBERS = frozenset(setting.name for setting in SETTINGS.values() if setting.unit)


def split_secrets(
    settings: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, object] | None]:
    """What may be kept, and the settings that hold secrets, whole (None without any)."""
    secrets = {name: value for name, value in settings.items() if name in SECRET}
    return masked(settings), secrets or None


def masked(settings: Mapping[str, Any]) -> dict[str, object]:
    """The settings with every secret replaced."""
    shown: dict[str, object] = dict(settings)
    for name, members in SECRET.items():
        if isinstance(shown.get(name), Mapping):
            shown[name] = {
                member: MASK if member in members and value else value
                for member, value in settings[name].items()
            }
    return shown
