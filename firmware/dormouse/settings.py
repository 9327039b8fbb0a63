"""The device's settings: one JSON file on flash, checked, with defaults.

Units are in the names; `interval` is in seconds. What is missing in the file or invalid has its
default; the names of invalid ones are in `invalid` for the report.
"""

import json
import os

FILE = "settings.json"

_DAY = 86400
# name: (default, lowest or longest allowed, highest); strings have a greatest length.
SCHEMA: dict = {
    "ssid": ("", 32),
    "key": ("", 64),
    "host": ("", 64),
    "port": (1883, 1, 65535),
    "enrol_port": (1884, 1, 65535),
    "name": ("", 64),
    "model": ("sensor", 32),
    # How long a device sleeps between two wakes; how often one that stays awake measures.
    "interval": (300, 1, 30 * _DAY),
    # A wake that is not done after this time sleeps all the same.
    "deadline_ms": (10000, 500, 60000),
    # Version of the hub's `$config` that was applied last.
    "config": (0, 0, 0x3FFFFFFF),
    # Fingerprint of the key that updates must be signed with; without one any is taken.
    "ota_key": ("", 64),
    # What is attached: [{"driver": "ds18b20", "pin": 4}, ...], see dormouse/sensors.
    "sensors": [],
    # A relay makes a switch that stays awake: {"relay": 12, "button": 0, "led": 13}.
    "switch": None,
}

CONFIGURABLE = ("interval", "deadline_ms", "name", "model", "ota_key")
"""What `$config` may change; the rest is wiring, and `wifi` is tried first (wifi_trial.py)."""


class Settings:
    """The values, as attributes named as in SCHEMA."""

    def __init__(self, given=None):
        self.invalid = []
        # Whether the WiFi credentials are on trial, or others wait for theirs; what to report of
        # those that failed.
        self.wifi_on_trial = self.wifi_waiting = False
        self.wifi_problem = ""
        self.values = {}
        for name, rule in SCHEMA.items():
            value = rule[0] if isinstance(rule, tuple) else rule
            if given and name in given:
                if valid(name, given[name]):
                    value = given[name]
                else:
                    self.invalid.append(name)
            self.values[name] = value

    def __getattr__(self, name: str):
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name)

    def change(self, changes) -> bool:
        """Apply valid changes and write the file if that made a difference; True if it did.

        Raises OSError.
        """
        changed = False
        for name, value in changes.items():
            if name in SCHEMA and valid(name, value) and self.values[name] != value:
                self.values[name] = value
                changed = True
        if changed:
            self.save()
        return changed

    def save(self) -> None:
        """Write what differs from the defaults, whole or not at all. Raises OSError."""
        defaults = Settings().values
        changed = {name: value for name, value in self.values.items() if value != defaults[name]}
        write_file(FILE, json.dumps(changed))


def valid(name: str, value) -> bool:
    """Whether `value` is allowed for the setting."""
    rule = SCHEMA[name]
    if name == "sensors":
        return isinstance(value, list) and all(
            isinstance(item, dict) and isinstance(item.get("driver"), str) for item in value
        )
    if name == "switch":
        return value is None or (isinstance(value, dict) and isinstance(value.get("relay"), int))
    assert isinstance(rule, tuple)
    if isinstance(rule[0], str):
        return isinstance(value, str) and len(value) <= rule[1]
    return isinstance(value, int) and not isinstance(value, bool) and rule[1] <= value <= rule[2]


def load() -> Settings:
    """The settings from the file; the defaults if there is none or it is no JSON object."""
    given = None
    try:
        with open(FILE) as file:
            given = json.load(file)
    except (OSError, ValueError):
        pass
    return Settings(given if isinstance(given, dict) else None)


def write_file(name: str, text: str) -> None:
    """Replace a file on flash, whole or not at all, and only if it differs. Raises OSError."""
    try:
        with open(name) as file:
            if file.read() == text:
                return
    except OSError:
        pass
    with open(name + ".new", "w") as file:
        file.write(text)
    os.rename(name + ".new", name)
