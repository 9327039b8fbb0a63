"""Another list of sensors from the hub: tried before it takes the former one's place.

Every sensor that is new in it must measure something now, or the former list stays and the report
says why. A file on flash marks a trial under way, so that a list that makes the device hang is
tried once. Loaded only when a `$config` names another list.
"""

import gc
import json
import os
import time

from dormouse import settings
from dormouse.deadline import Deadline
from dormouse.sensors import Sensors
from dormouse.wake import measure

FILE = "sensors.json"
_MOST = 12
# GPIO6 to 11 are the flash's, 16 wakes the device.
_PINS = (0, 1, 2, 3, 4, 5, 12, 13, 14, 15)
_PIN_SETTINGS = ("pin", "scl", "sda", "cs", "rx", "set")


def attempt(cfg, config: dict, deadline=None) -> bool:
    """Whether the list of a `$config` works; if not, `cfg.invalid` says why.

    It may take as long as a wake may (`deadline_ms`, the `$config`'s own if it has one); `deadline`
    is put off by what it took. Series that will be no more are named in `cfg.gone`.
    """
    began = time.ticks_ms()
    entries = config["sensors"]
    problem = _malformed(entries) or _mark(config["version"])
    if not problem:
        try:
            problem = _try(cfg, entries, config.get("deadline_ms"))
        except Exception as error:
            problem = "%s %s" % (type(error).__name__, error)
        _unmark()
    if deadline is not None:
        deadline.end = time.ticks_add(deadline.end, time.ticks_diff(time.ticks_ms(), began))
    if problem:
        cfg.invalid.append("sensors: " + problem)
    return not problem


def _malformed(entries) -> str:
    """What is wrong with the list itself."""
    if not settings.valid("sensors", entries):
        return "not a list of sensors"
    if len(entries) > _MOST:
        return "more than %d" % _MOST
    for entry in entries:
        for name in _PIN_SETTINGS:
            if name in entry and entry[name] not in _PINS:
                return "%s: %s is no pin for it" % (entry["driver"], entry[name])
    return ""


def _mark(version: int) -> str:
    """Note that the list is being tried; a text if it was tried before and that did not end."""
    text = json.dumps({"version": version})
    try:
        with open(FILE) as file:
            if file.read() == text:
                _unmark()
                return "the device did not survive trying them"
    except OSError:
        pass
    try:
        settings.write_file(FILE, text)
    except OSError as error:
        return "flash: %s" % error
    return ""


def _unmark() -> None:
    try:
        os.remove(FILE)
    except OSError:
        pass


def _try(cfg, entries, deadline_ms) -> str:
    """Measure with the sensors that are new; what is wrong with one of them, or ""."""
    gc.collect()
    former = Sensors(cfg.sensors).series
    new = [entry for entry in entries if entry not in cfg.sensors]
    if not settings.valid("deadline_ms", deadline_ms):
        deadline_ms = cfg.deadline_ms
    sensors = Sensors(new)
    values = dict(measure(sensors, Deadline(deadline_ms)))
    index = 0
    for _name, sensor in sensors.sensors:
        indexes = range(index, index + len(sensor.series))
        index += len(sensor.series)
        if not any(i in values for i in indexes):
            return sensors.problems[0] if sensors.problems else "one measures nothing"
    if len(sensors.sensors) < len(new):
        return sensors.problems[0]
    kept = [series.name for series in Sensors(entries).series]
    cfg.gone = [series.name for series in former if series.name not in kept]
    return ""
