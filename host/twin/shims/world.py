"""The world around a virtual device, read from the JSON file that TWIN_WORLD names.

The file may change while the device runs; it is read again when it does. Every key may be left out:

    {"wifi": {"up": true, "ssid": "dormouse", "key": "", "bssid": "020000000001", "rssi": -60,
              "associate_ms": 0, "scan_ms": 0, "dhcp_ms": 0, "lease_s": 43200, "rebinds": true,
              "subnet": "192.168.4", "host": 7, "hidden": false, "others": [{"ssid": "guests"}]},
     "net": {"loss": 0.0, "latency_ms": 0, "blackhole": false, "seed": null, "mdns": 5353,
             "names": {"hub.lan": "127.0.0.1"}},
     "values": {"temperature": 20.5, "humidity": 45.0, "pressure": 1013.25, "light": 320,
                "carbon_dioxide": 650, "pm2_5": 8, "pm10": 14},
     "parts": {"ds18b20": {"temperature": 19.0}},
     "missing": ["bme280"], "hang": ["dht22"],
     "adc_mv": 1000, "pins": {"0": 1}, "watchdog_ms": 5000,
     "convert_ms": 750, "ports": {"80": 8080}, "onewire_pin": null,
     "onewire": [{"rom": "28ff641e8d3c0cda", "pin": 4, "powered": true}], "onewire_line": null,
     "i2c": {"0x44": "sht3x"}, "i2c_line": null, "serial": "pms5003", "spi": {"15": "tc77"},
     "adc_counts": null, "dht_twos_complement": false}

wifi: one access point; scans find the `others` too (with "rssi", "security"; "hex" instead of
"ssid" is a name that is no text). Without a lock on
its BSSID joining costs `scan_ms` more; DHCP gives an address in `subnet` (its last number is `host`
or follows from the chip's id) for `lease_s`, and a station with one outside of it reaches nobody.
With `rebinds` false its server does not answer who asks to keep an address (dhcp_server.py).
net: `loss` is the chance that a segment is lost and comes one retransmission later, `latency_ms`
a round trip; with `blackhole` connections are neither accepted nor refused. `seed` (an int) makes
each life of the VM lose the same segments. `mdns` is the port of the loopback address where
multicast DNS is heard; null: nowhere. `names` are what the network's name server knows, beside what
this machine's does.
values: what sensors measure (degrees Celsius, percent, hectopascal, lux, ppm, micrograms a cubic
metre), `parts` for one kind. aht_status: what an AHT says of itself at power-on.
A value is a number or {"base": 20, "swing": 2, "period_s": 600, "phase_s": 0}, a sine of Unix
time. Sensors in `missing` do not answer, those in `hang` never return.
ports: where on the loopback address the device's own ports are served; a free one without.
onewire_pin: where the 1-Wire sensors are; null: on whichever pin they are looked for.
onewire: the 1-Wire chips, as ds18b20_chip.py says. onewire_line: 0 for a line that is held low.
i2c: chips by address, beside those of i2c_bus.py; i2c_line: "sda" or "scl" is held low.
serial: whose stand-in is at the UART. spi: chips by the pin that selects them.
adc_mv: at the ADC pin, which reads 1024 at 1000 mV; adc_counts: what it reads, whatever adc_mv.
pins: levels that inputs read, 1 without.

The device's own state lies in the folder above the current one: `rtc.bin`, `sdk.json` (what the
SDK keeps in flash), `flash-writes` (a count), `pins.json` (levels of outputs), `ports.json`
(where its ports are served), `dhcp.log` (what DHCP was asked), `chips.json` (what sensors remember
while they have power, gone at a start by power), `sleep` and `reset-cause` (for whoever restarts
the VM).
"""

import builtins
import gc
import json
import math
import os
import sys

import utime

# What the VM's heap has more than a device's for what is silicon or frozen there: stand-ins for
# sensors, and the firmware's code, come out of this as they are loaded.
_PIECE, _PIECES = 2048, 24
_ballast = [bytearray(_PIECE) for _ in range(_PIECES)]

# As the port's own _boot.py does.
gc.threshold((gc.mem_free() + gc.mem_alloc() - _PIECE * _PIECES) // 4)

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
        "lease_s": 43200,
        "rebinds": True,
        "subnet": "192.168.4",
        "host": None,
        "others": [],
    },
    "net": {
        "loss": 0.0,
        "latency_ms": 0,
        "blackhole": False,
        "seed": None,
        "mdns": None,
        "names": {},
    },
    "values": {
        "temperature": 20.5,
        "humidity": 45.0,
        "pressure": 1013.25,
        "light": 320,
        "carbon_dioxide": 650,
        "pm2_5": 8,
        "pm10": 14,
    },
    "parts": {},
    "missing": [],
    "hang": [],
    "adc_mv": 900,
    "pins": {},
    "convert_ms": 750,
    "onewire_pin": None,
    "onewire": [{}],
    "onewire_line": None,
    "i2c": {},
    "i2c_line": None,
    "serial": None,
    "spi": {},
    "adc_counts": None,
    "aht_status": 0x10,
    "dht_twos_complement": False,
    "watchdog_ms": 5000,
    "ports": {},
}
_PATH = os.getenv("TWIN_WORLD")
_real_open = builtins.open
_given = {}
_seen = None
_looked = None
_chips_kept = False


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


_owed = 0
_importing = False


def give_back(count):
    """Let go of as many bytes of the ballast, in whole pieces."""
    global _owed
    _owed += count
    while _owed >= _PIECE and _ballast:
        _ballast.pop()
        _owed -= _PIECE


def _import(name, *args):
    """Import; what is silicon on a device, or frozen there, costs no heap here either."""
    global _importing
    names = [name]
    if name == "dormouse" and len(args) > 2:
        names = ["dormouse." + part for part in args[2] or ()]
    ours = name.startswith("dormouse")
    known = ours or name.endswith(("_chip", "_bus", "_line", "_server"))
    if _importing or not known or all(one in sys.modules for one in names):
        # What is imported on the way counts with what wants it.
        return _real_import(name, *args)
    gc.collect()
    before = gc.mem_free()
    _importing = True
    try:
        module = _real_import(name, *args)
    finally:
        _importing = False
    gc.collect()
    used = before - gc.mem_free()
    # Code and constants are 2 of 5: what asyncio costs as .mpy beside frozen, in this VM.
    give_back(used * 2 // 5 if ours else used)
    return module


def write(name, data):
    """Replace a file of the device's state, whole."""
    path = STATE + "/" + name
    with _real_open(path + ".new", "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
    os.rename(path + ".new", path)


def read(name):
    """A file of the device's state, or None."""
    try:
        with _real_open(STATE + "/" + name, "rb") as file:
            return file.read()
    except OSError:
        return None


def _chips():
    if os.getenv("TWIN_RESET_CAUSE") == "0" and not _chips_kept:
        return {}
    return json.loads(read("chips.json") or b"{}")


def chip_state(name):
    """What a sensor remembers from before, or None; it has power while the device sleeps."""
    return _chips().get(name)


def keep_chip_state(name, state):
    """Remember something of a sensor for as long as it has power."""
    global _chips_kept
    chips = _chips()
    chips[name] = state
    _chips_kept = True
    write("chips.json", json.dumps(chips))


def flash_written():
    """Count one write to flash."""
    write("flash-writes", str(int(read("flash-writes") or b"0") + 1))


def _open(name, mode="r", *args, **kwargs):
    if "w" in mode or "a" in mode or "+" in mode:
        flash_written()
    return _real_open(name, mode, *args, **kwargs)


builtins.open = _open
_real_import = builtins.__import__
builtins.__import__ = _import


def end(status, name, text):
    """The VM ends here: asleep (75) or reset (76)."""
    write(name, text)
    sys.exit(status)


def chip():
    """The chip's id: 4 bytes."""
    text = os.getenv("TWIN_CHIP_ID") or "1a2b3c4d"
    return bytes([int(text[i : i + 2], 16) for i in range(0, 8, 2)])
