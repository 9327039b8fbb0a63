"""The sensors that the page offers: those of the settings, and what answers on the pins."""

from machine import ADC

from dormouse.sensors import faults
from dormouse.version import BATTERY_MV, I2C, ONEWIRE
from dormouse.watchdog import feed

# What tells a sensor from another of its kind; one that is not said may be any.
_IDENTITY = ("pin", "scl", "sda", "address", "rom")
_ON_ADC = ("battery", "soil")
# Nothing that runs a device is below this.
_LEAST_MV = 800


def offered(settings):
    """(entries for the settings, what each is as a text, how many of them are settings already)."""
    entries = list(settings.sensors)
    known = len(entries)
    for entry in _found(_taken(settings)) + _battery(settings):
        if not any(_same(entry, other) for other in entries):
            entries.append(entry)
    return entries, [described(entry) for entry in entries], known


def described(entry) -> str:
    """A sensor as a person finds it: "bme280 at 0x76 on D2/D1"."""
    text = entry["driver"]
    if isinstance(entry.get("address"), int):
        text += " at 0x%02x" % entry["address"]
    wired = [entry[name] for name in ("sda", "scl", "pin") if isinstance(entry.get(name), int)]
    if wired:
        text += " on " + faults.pins(*wired)
    if isinstance(entry.get("rom"), str):
        text += ", " + entry["rom"]
    return text


def _same(one, other) -> bool:
    if one["driver"] != other["driver"]:
        return False
    both = [name for name in _IDENTITY if name in one and name in other]
    return all(one[name] == other[name] for name in both)


def _taken(settings):
    """Pins on which nothing is looked for: whose they are can do without being asked."""
    taken = list((settings.switch or {}).values())
    for entry in settings.sensors:
        if "scl" not in entry and entry["driver"] != "ds18b20":
            taken.extend(entry.values())
    return taken


def _found(taken):
    from dormouse.sensors.scan import scan

    scl, sda = (None, None) if I2C is None or any(pin in taken for pin in I2C) else I2C
    feed()
    try:
        result = scan(scl, sda, [pin for pin in ONEWIRE if pin not in taken])
    except Exception as error:
        # A board that is set up without sensors is better than none.
        print("sensors:", type(error).__name__, error)
        return []
    feed()
    for text in result["problems"]:
        print("sensors:", text)
    return result["found"]


def _battery(settings):
    """The battery, where the board measures it and there is one."""
    used = any(entry["driver"] in _ON_ADC for entry in settings.sensors)
    if BATTERY_MV is None or used or ADC(0).read() * BATTERY_MV // 1024 < _LEAST_MV:
        return []
    return [{"driver": "battery", "scale_mv": BATTERY_MV}]
