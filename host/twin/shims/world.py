"""The world around a virtual device, read from the JSON file that TWIN_WORLD names.

The file may change while the device runs; it is read again when it does. Every key may be left out:

    {"wifi": {"up": true, "ssid": "dormouse", "key": "", "bssid": "020000000001", "rssi": -60,
              "associate_ms": 0, "scan_ms": 0, "dhcp_ms": 0,
              "subnet": "192.168.4", "host": 7, "hidden": false, "others": [{"ssid": "guests"}]},
     "net": {"loss": 0.0, "latency_ms": 0, "blackhole": false, "seed": null},
     "values": {"temperature": 20.5, "humidity": 45.0, "pressure": 1013.25},
     "parts": {"ds18b20": {"temperature": 19.0}},
     "missing": ["bme280"], "hang": ["dht22"],
     "adc_mv": 1000, "pins": {"0": 1}, "watchdog_ms": 5000,
     "convert_ms": 750, "ports": {"80": 8080}, "onewire_pin": null}

wifi: one access point; scans find the `others` too (with "rssi", "security"). Without a lock on
its BSSID joining costs `scan_ms` more; DHCP gives an address in `subnet` (its last number is `host`
or follows from the chip's id), and a station with one outside of it reaches nobody.
net: `loss` is the chance that a segment is lost and comes one retransmission later, `latency_ms`
a round trip; with `blackhole` connections are neither accepted nor refused. `seed` (an int) makes
each life of the VM lose the same segments.
values: what sensors measure (degrees Celsius, percent, hectopascal), `parts` for one kind.
A value is a number or {"base": 20, "swing": 2, "period_s": 600, "phase_s": 0}, a sine of Unix
time. Sensors in `missing` do not answer, those in `hang` never return.
ports: where on the loopback address the device's own ports are served; a free one without.
onewire_pin: where the 1-Wire sensor is; null: on whichever pin it is looked for.
adc_mv: at the ADC pin, which reads 1024 at 1000 mV. pins: levels that inputs read, 1 without.

The device's own state lies in the folder above the current one: `rtc.bin`, `sdk.json` (what the
SDK keeps in flash), `flash-writes` (a count), `pins.json` (levels of outputs), `ports.json`
(where its ports are served), `sleep` and `reset-cause` (for whoever restarts the VM).
"""

import builtins
import gc
import json
import math
import os
import sys

import utime

# As the port's own _boot.py does.
gc.threshold((gc.mem_free() + gc.mem_alloc()) // 4)

STATE = os.getcwd() + "/.."
STARTED = utime.ticks_ms()

_DEFAULTS = {
    "wifi": {
        "up": True,
        "ssid": "dormouse",
        "key": "",
        "bssid": "020000000001",
        "rssi": -60,
        "associate_ms": 0,
        "scan_ms": 0,
        "dhcp_ms": 0,
        "subnet": "192.168.4",
        "host": None,
        "others": [],
    },
    "net": {"loss": 0.0, "latency_ms": 0, "blackhole": False, "seed": None},
    "values": {"temperature": 20.5, "humidity": 45.0, "pressure": 1013.25},
    "parts": {},
    "missing": [],
    "hang": [],
    "adc_mv": 900,
    "pins": {},
    "convert_ms": 750,
    "onewire_pin": None,
    "watchdog_ms": 5000,
    "ports": {},
}
_PATH = os.getenv("TWIN_WORLD")
_real_open = builtins.open
_given = {}
_seen = None
_looked = None


def get(key, inner=None):
    """A value of the world as it is now."""
    global _given, _seen, _looked
    now = utime.ticks_ms()
    if _PATH and (_looked is None or utime.ticks_diff(now, _looked) > 20):
        _looked = now
        stat = os.stat(_PATH)
        # Inode, size and time: writers replace the file.
        mark = (stat[1], stat[6], stat[8])
        if mark != _seen:
            _seen = mark
            with _real_open(_PATH) as file:
                _given = json.load(file)
    default = _DEFAULTS[key]
    value = _given.get(key, default)
    if inner is None:
        return value
    return value.get(inner, default.get(inner))


def measured(part, quantity):
    """What a sensor measures now. Raises OSError if it does not answer."""
    if part in get("hang"):
        import machine

        machine.starving(3600000)
    if part in get("missing"):
        raise OSError(5)
    value = get("parts").get(part, {}).get(quantity)
    if value is None:
        value = get("values", quantity)
    if isinstance(value, dict):
        angle = (utime.time() + value.get("phase_s", 0)) / value.get("period_s", 600)
        value = value.get("base", 0) + value.get("swing", 1) * math.sin(2 * math.pi * angle)
    return value


def write(name, data):
    """Replace a file of the device's state, whole."""
    path = STATE + "/" + name
    with _real_open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


def read(name):
    """A file of the device's state, or None."""
    try:
        with _real_open(STATE + "/" + name, "rb") as file:
            return file.read()
    except OSError:
        return None


def flash_written():
    """Count one write to flash."""
    write("flash-writes", str(int(read("flash-writes") or b"0") + 1))


def _open(name, mode="r", *args, **kwargs):
    if "w" in mode or "a" in mode or "+" in mode:
        flash_written()
    return _real_open(name, mode, *args, **kwargs)


builtins.open = _open


def end(status, name, text):
    """The VM ends here: asleep (75) or reset (76)."""
    write(name, text)
    sys.exit(status)


def chip():
    """The chip's id: 4 bytes."""
    text = os.getenv("TWIN_CHIP_ID") or "1a2b3c4d"
    return bytes([int(text[i : i + 2], 16) for i in range(0, 8, 2)])
