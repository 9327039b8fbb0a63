"""WiFi credentials from the hub: tried before they are stored, the old ones to fall back to.

A file holds those on trial with how often they were tried, counted before each try, so that no
power cut makes one more. The settings keep the old ones until the broker was reached with the new
ones. Loaded only while there is such a file, or a `$config` that names a network.
"""

import json
import os

from dormouse import rtc, settings

FILE = "wifi.json"
MAX_TRIES = 2
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


def check_flash(record) -> None:
    """After a restart: set the record's flag if something is on trial."""
    try:
        os.stat(FILE)
        record.set(rtc.WIFI_TRIAL, True)
    except OSError:
        record.set(rtc.WIFI_TRIAL, False)


def select(record, cfg) -> None:
    """Before joining: use what is on trial, or the old credentials when it had its tries."""
    trial, stored = read(), settings.load()
    cfg.values["ssid"], cfg.values["key"] = stored.ssid, stored.key
    cfg.wifi_on_trial = cfg.wifi_waiting = False
    if not trial or _same(trial, stored):
        # Damaged, or stored already by a wake that could not end the trial.
        end(record, cfg)
    elif trial["version"] == stored.config or trial["tries"] >= MAX_TRIES:
        cfg.wifi_problem = "wifi %s: the hub was not reached over it" % trial["ssid"]
    else:
        trial["tries"] += 1
        try:
            settings.write_file(FILE, json.dumps(trial))
        except OSError as error:
            # Tries that cannot be counted would never end.
            print("wifi:", error)
            return
        cfg.values["ssid"], cfg.values["key"] = trial["ssid"], trial.get("key", "")
        cfg.wifi_on_trial = True


def applicable(record, cfg, config: dict) -> bool:
    """Whether a `$config` with `wifi` can be applied now; if not, its network is tried first.

    What is wrong with it is reported as a problem. Raises OSError.
    """
    version, wifi = config["version"], config["wifi"]
    if not well_formed(wifi):
        cfg.invalid.append("wifi")
        return True
    wifi = {name: settings.whole(wifi.get(name, "")) for name in ("ssid", "key")}
    if _same(wifi, cfg):
        return True
    if cfg.wifi_problem and read().get("version") == version:
        return True
    _store(cfg)
    trial = {"version": version, "ssid": wifi["ssid"], "key": wifi["key"], "tries": 0}
    settings.write_file(FILE, json.dumps(trial))
    record.set(rtc.WIFI_TRIAL, True)
    cfg.wifi_problem = ""
    cfg.wifi_waiting = True
    return False


def finish(record, cfg) -> None:
    """The broker was reached and has the report: store what was on trial, and end the trial."""
    _store(cfg)
    if not cfg.wifi_waiting:
        end(record, cfg)


def _store(cfg) -> None:
    if cfg.wifi_on_trial:
        cfg.wifi_on_trial = False
        cfg.save()


def end(record, cfg) -> None:
    """End the trial; the file goes."""
    record.set(rtc.WIFI_TRIAL, False)
    cfg.wifi_problem = ""
    try:
        os.remove(FILE)
    except OSError as error:
        # At worst it is reported again after the next restart.
        print("wifi:", error)


def _same(wifi: dict, cfg) -> bool:
    return cfg.ssid == wifi["ssid"] and cfg.key == wifi.get("key", "")
