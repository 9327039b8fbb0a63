"""What is attached to a device, in words: a sensor with its pins. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.device_settings.drivers import DRIVERS
from hub.language.words import N_, _

__all__ = ["GPIOS", "OPTIONS", "driver_name", "in_short", "options_of", "pin_name"]

GPIOS = (0, 1, 2, 3, 4, 5, 12, 13, 14, 15)
"""What a sensor can be at: 6 to 11 are the flash's, 16 wakes the device."""

_PRINTED = {5: "D1", 4: "D2", 0: "D3", 2: "D4", 14: "D5", 12: "D6", 13: "D7", 15: "D8"}
_PRINTED |= {3: "RX", 1: "TX"}
_PRINTING = {"nodemcu", "d1-mini"}  # boards that number their pins so

OPTIONS = {
    "pin": N_("Pin"), "scl": N_("Pin of SCL"), "sda": N_("Pin of SDA"), "rx": N_("Pin of RX"),
    "set": N_("Pin of its fan (SET)"), "address": N_("Address"),
    "rom": N_("ROM, 16 hexadecimal digits"), "clone": N_("Clone"), "open": N_("Level when open"),
    "hold_s": N_("Looks again after (s)"), "alarm_ppm": N_("Alarm from (ppm)"),
    "scale_mv": N_("Most the ADC reads (mV)"), "empty_mv": N_("Empty at (mV)"),
    "full_mv": N_("Full at (mV)"), "dry": N_("Reads in air"), "wet": N_("Reads in water"),
}  # fmt: skip
"""What settings of sensors are called."""


def driver_name(driver: object) -> str:
    """What people call a sensor; a driver of their own by its name."""
    known = DRIVERS.get(str(driver))
    return _(known.name) if known else str(driver)


def pin_name(gpio: object, board: object) -> str:
    """`D2 (GPIO4)` where the board's print is known, else `GPIO4`."""
    printed = _PRINTED.get(gpio) if board in _PRINTING and isinstance(gpio, int) else None
    return f"{printed} (GPIO{gpio})" if printed else f"GPIO{gpio}"


def options_of(entry: Mapping[str, object], board: object) -> str:
    """`SCL D1 (GPIO5), SDA D2 (GPIO4), address 0x76`; "" for what needs nothing."""
    driver = DRIVERS.get(str(entry.get("driver")))
    pins = {*driver.pins, *driver.wired} if driver else set[str]()
    parts = []
    for name, value in entry.items():
        if name == "driver":
            continue
        title = (
            "" if name == "pin" else name.upper() if name in pins else _(OPTIONS.get(name, name))
        )
        shown = pin_name(value, board) if name in pins else str(value)
        if name == "address" and isinstance(value, int):
            shown = f"0x{value:02x}"
        parts.append(f"{title} {shown}".strip())
    return ", ".join(parts)


def in_short(sensors: object) -> str:
    """A list in a line: `BME280, battery level`; `none`."""
    entries = sensors if isinstance(sensors, Sequence) and not isinstance(sensors, str) else []
    names = [
        driver_name(one.get("driver")).partition(" (")[0]
        for one in entries
        if isinstance(one, Mapping)
    ]
    return ", ".join(names) or _("no sensors")
