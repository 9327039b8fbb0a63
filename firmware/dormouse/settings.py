"""The device's settings: one JSON file on flash, checked, with defaults.

Units are in the names; `interval` is in seconds. What is missing in the file or invalid has its
default; the names of invalid ones are in `invalid` for the report.
"""

import json
import os

FILE = "settings.json"

_DAY = 86400
# name: (default, lowest or longest allowed, highest); strings have a greatest length, in
# characters but for a network's name.
SCHEMA: dict = {
    "ssid": ("", 32),
    "key": ("", 64),
    "host": ("", 64),
    # Hosts of further brokers, tried in their order when `host` does not answer: "b.lan,c.lan".
    "brokers": ("", 128),
    "port": (1883, 1, 65535),
    "enrol_port": (1884, 1, 65535),
    "name": ("", 64),
    # Where it is, from the outside in: "House / Kitchen".
    "place": ("", 64),
    "model": ("sensor", 32),
    # How long a device sleeps between two wakes; how often one that stays awake measures.
    "interval": (300, 1, 30 * _DAY),
    # A wake that is not done after this time sleeps all the same.
    "deadline_ms": (10000, 500, 60000),
    # Version of the hub's `$config` that was applied last.
    "config": (0, 0, 0x3FFFFFFF),
    # Fingerprint of the key that updates must be signed with; without one any is taken.
    "ota_key": ("", 64),
    # Whether values go to topics of their own as well, for who does not read `$batch`.
    "plain": (False,),
    # What is attached: [{"driver": "ds18b20", "pin": 4}, ...], see dormouse/sensors.
    "sensors": [],
    # A relay makes a switch that stays awake: {"relay": 12, "button": 0, "led": 13}.
    "switch": None,
}

CONFIGURABLE = ("interval", "deadline_ms", "name", "model", "ota_key", "plain", "brokers")
"""What `$config` may change; `wifi` and `sensors` are tried first (wifi_trial.py,
sensors_trial.py)."""


class Settings:
    """The values, as attributes named as in SCHEMA."""

    def __init__(self, given=None):
        self.invalid = []
        # Whether the WiFi credentials are on trial, or others wait for theirs; what to report of
        # those that failed.
        self.wifi_on_trial = self.wifi_waiting = False
        self.wifi_problem = ""
        # Series of sensors that were taken off the list.
        self.gone: list = []
        self.values = {}
        for name, rule in SCHEMA.items():
            value = rule[0] if isinstance(rule, tuple) else rule
            if given and name in given:
                if valid(name, given[name]):
                    value = whole(given[name])
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
            if name in SCHEMA and valid(name, value) and self.values[name] != whole(value):
                self.values[name] = whole(value)
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
    if isinstance(rule[0], bool):
        return isinstance(value, bool)
    if isinstance(rule[0], str):
        if not isinstance(value, str):
            return False
        value = whole(value)
        return len(value.encode() if name == "ssid" else value) <= rule[1]
    return isinstance(value, int) and not isinstance(value, bool) and rule[1] <= value <= rule[2]


def whole(value):
    """The value; in a text, the two halves of a character beyond U+FFFF are that character.

    JSON may write such a character as two escapes, and MicroPython's json makes two of them.
    """
    if not isinstance(value, str):
        return value
    data = value.encode()
    at = data.find(b"\xed")
    if at < 0:
        return value
    while at >= 0:
        six = data[at : at + 6]
        if len(six) == 6 and six[1] & 0xF0 == 0xA0 and six[3] == 0xED and six[4] & 0xF0 == 0xB0:
            high = (six[1] & 15) << 6 | six[2] & 63
            low = (six[4] & 15) << 6 | six[5] & 63
            data = data[:at] + chr(0x10000 + (high << 10 | low)).encode() + data[at + 6 :]
        at = data.find(b"\xed", at + 1)
    return str(data, "utf-8")


def load() -> Settings:
    """The settings from the file; the defaults if there is none or it is no JSON object."""
    given = None
    try:
        with open(FILE) as file:
            text = file.read()
        # Editors on Windows begin files with this mark.
        given = json.loads(text[1:] if text.startswith("\ufeff") else text)
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
