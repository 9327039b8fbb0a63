"""WiFi credentials from the hub: tried before they are kept, the old ones to fall back to.

A file holds those on trial with how often they were tried, counted before each try, so that no
power cut makes one more. The settings keep the old ones until the broker was reached with the new
ones. Loaded only while there is such a file, or a `$config` that names a network.
"""

import json
import os

from dormouse import rtc, settings

FILE = "wifi.json"
MOST_TRIES = 2
"""Wakes, or connections of a device that stays awake, that the new network may fail in."""


def read() -> dict:
    """What is on trial: `version` of the `$config`, `ssid`, `key`, `tries`; empty if nothing."""
    try:
        with open(FILE) as file:
            trial = json.load(file)
    except (OSError, ValueError):
        return {}
    whole = isinstance(trial, dict) and well_formed(trial) and isinstance(trial.get("tries"), int)
    return trial if whole else {}


def well_formed(wifi) -> bool:
    """Whether it has a network's name, and a key that is text."""
    return (
        isinstance(wifi, dict)
        and bool(wifi.get("ssid"))
        and settings.valid("ssid", wifi["ssid"])
        and settings.valid("key", wifi.get("key", ""))
    )


def look(record) -> None:
    """After a restart: whether something is on trial."""
    try:
        os.stat(FILE)
        record.set(rtc.TRIAL, True)
    except OSError:
        record.set(rtc.TRIAL, False)


def prepare(record, values) -> None:
    """Before joining: use what is on trial, or the old credentials when it had its tries."""
    trial, own = read(), settings.load()
    values.values["ssid"], values.values["key"] = own.ssid, own.key
    values.trying = values.moving = False
    if not trial or _same(trial, own):
        # Damaged, or kept already by a wake that could not tell its end.
        drop(record, values)
    elif trial["version"] == own.config or trial["tries"] >= MOST_TRIES:
        values.problem = "wifi %s: the hub was not reached over it" % trial["ssid"]
    else:
        trial["tries"] += 1
        try:
            settings.write(FILE, json.dumps(trial))
        except OSError as error:
            # Tries that cannot be counted would never end.
            print("wifi:", error)
            return
        values.values["ssid"], values.values["key"] = trial["ssid"], trial.get("key", "")
        values.trying = True


def wanted(record, values, config: dict) -> bool:
    """Whether a `$config` with `wifi` may be applied now; if not, its network is tried first.

    What is wrong with it is told as a problem.
    """
    version, wifi = config["version"], config["wifi"]
    if not well_formed(wifi):
        values.bad.append("wifi")
        return True
    if _same(wifi, values):
        return True
    if values.problem and read().get("version") == version:
        return True
    _keep(values)
    trial = {"version": version, "ssid": wifi["ssid"], "key": wifi.get("key", ""), "tries": 0}
    settings.write(FILE, json.dumps(trial))
    record.set(rtc.TRIAL, True)
    values.problem = ""
    values.moving = True
    return False


def settle(record, values) -> None:
    """The broker was reached and told how it stands: keep what was on trial, and end the trial."""
    _keep(values)
    if not values.moving:
        drop(record, values)


def _keep(values) -> None:
    if values.trying:
        values.trying = False
        values.save()


def drop(record, values) -> None:
    """Nothing is on trial any more."""
    record.set(rtc.TRIAL, False)
    values.problem = ""
    try:
        os.remove(FILE)
    except OSError as error:
        # At worst it is told again after the next restart.
        print("wifi:", error)


def _same(wifi: dict, values) -> bool:
    return values.ssid == wifi["ssid"] and values.key == wifi.get("key", "")
