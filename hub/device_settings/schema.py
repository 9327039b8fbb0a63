"""What may be requested of a device, and within which bounds. Pure.

The bounds are those of firmware/dormouse/settings.py, which is no part of an installed hub; a
test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.device_settings.errors import ConfigError

__all__ = ["SECRET", "SETTINGS", "Setting", "checked", "masked", "parse", "split_secrets"]

MASK = "***"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")
_FINGERPRINT = re.compile(r"([0-9a-f]{16})?")


@dataclass(frozen=True, slots=True)
class Setting:
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


def _text(longest: int) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if not isinstance(value, str) or _CONTROL.search(value):
            raise ConfigError(name, "must be text without control characters")
        if len(value) > longest:
            raise ConfigError(name, f"{len(value)} characters where {longest} are allowed")
        return value

    return check


def _fingerprint(name: str, value: object) -> str:
    if not isinstance(value, str) or not _FINGERPRINT.fullmatch(value):
        raise ConfigError(name, "must be a key's fingerprint, 16 hex digits, or empty for any key")
    return value


def _wifi(name: str, value: object) -> dict[str, str]:
    """Credentials as WPA2 allows them; an empty key is an open network."""
    if not isinstance(value, Mapping) or not {"ssid"} <= value.keys() <= {"ssid", "key"}:
        raise ConfigError(name, "must have ssid, and key unless the network is open")
    ssid, key = value["ssid"], value.get("key", "")
    if not isinstance(ssid, str) or _CONTROL.search(ssid) or not 1 <= len(ssid.encode()) <= 32:
        raise ConfigError(name, "ssid must be 1 to 32 bytes of text")
    if not isinstance(key, str) or not _is_key(key):
        raise ConfigError(name, "key must be 8 to 63 printable characters or 64 hex digits")
    return {"ssid": ssid, "key": key}


def _is_key(key: str) -> bool:
    plain = key.isascii() and key.isprintable() and 8 <= len(key) <= 63
    return not key or plain or _HEX_KEY.fullmatch(key) is not None


_DAY = 86400

SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "interval",
            "how long it sleeps between two wakes, or how often one that stays awake measures",
            _whole(1, 30 * _DAY, "seconds"),
            "s",
        ),
        Setting(
            "deadline_ms", "when a wake ends at the latest", _whole(500, 60000, "milliseconds"),
            "ms",
        ),
        Setting("name", "what it is called", _text(64)),
        Setting("model", "what kind of device it says it is", _text(32)),
        Setting("ota_key", "fingerprint of the only key whose updates it takes", _fingerprint),
        Setting("wifi", "network to join, tried with the old one to fall back to", _wifi),
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
    return name, int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) and name in _NUMBERS else text


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
