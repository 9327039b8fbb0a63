"""What is attached: looks at I2C and 1-Wire pins. Loaded by the wizard and the portal only.

It runs at the prompt of a board without firmware as well (host/provision/scan.py), so of this
package it uses `onewire_bus` and `i2c_device.crc8` alone.
"""

import time
from binascii import hexlify

from machine import I2C, Pin
from micropython import const

from dormouse.sensors.checksum import sensirion_crc
from dormouse.sensors.onewire_bus import OneWireBus, maxim_crc

# Family codes that the DS18B20 driver knows.
_THERMOMETERS = (0x10, 0x22, 0x28, 0x42)
# More answers than this are one: SDA is held low.
_MOST_ADDRESSES = const(24)


def scan(scl, sda, onewire):
    """{"found": entries for the settings, "unknown": I2C addresses, "problems": texts}.

    `scl` None: no I2C; `onewire` is a list of pins. A pin that I2C works on is not pulled about.
    """
    result: dict = {"found": [], "unknown": [], "problems": []}
    if scl is not None:
        _look_at_i2c(result, scl, sda)
    busy = (scl, sda) if result["found"] or result["unknown"] else ()
    for pin in onewire:
        if pin not in busy:
            _look_at_onewire(result, pin)
    return result


def _look_at_i2c(result, scl: int, sda: int) -> None:
    for name, pin in (("SCL", scl), ("SDA", sda)):
        if not Pin(pin, Pin.IN, Pin.PULL_UP).value():
            result["problems"].append("I2C: %s on GPIO%d is held low" % (name, pin))
            return
    # Each of 112 addresses waits so many microseconds for a clock that somebody holds: by default
    # longer than the watchdog does.
    # The port's I2C is the software's, which has a time-out; the stubs do not know that.
    i2c = I2C(scl=Pin(scl), sda=Pin(sda), freq=100000, timeout=2000)  # type: ignore[call-overload]
    addresses = i2c.scan()
    if len(addresses) > _MOST_ADDRESSES:
        result["problems"].append("I2C: SDA on GPIO%d is held low" % sda)
        return
    for address in addresses:
        driver = None
        if address in _PROBES:
            try:
                driver = _PROBES[address](i2c, address)
            except (OSError, IndexError):
                pass
        if driver:
            entry = {"driver": driver, "scl": scl, "sda": sda, "address": address}
            result["found"].append(entry)
        else:
            result["unknown"].append(address)


def _look_at_onewire(result, pin: int) -> None:
    try:
        roms = OneWireBus(pin).roms()
    except (OSError, ImportError):
        # Nobody there; a board without firmware has no words for it.
        return
    known = [entry.get("rom") for entry in result["found"]]
    for rom in roms:
        name = str(hexlify(rom), "ascii")
        if maxim_crc(rom) == 0 and rom[0] in _THERMOMETERS and name not in known:
            result["found"].append({"driver": "ds18b20", "pin": pin, "rom": name})


def _ask(i2c, address: int, command: bytes, ms: int, count: int) -> bytes:
    i2c.writeto(address, command)
    time.sleep_ms(ms)
    return i2c.readfrom(address, count)


def _words(data: bytes) -> bool:
    """Whether there are words, and every one has Sensirion's checksum."""
    return len(data) > 2 and all(
        sensirion_crc(data[i : i + 2]) == data[i + 2] for i in range(0, len(data), 3)
    )


def _bosch(i2c, address: int):
    chip = i2c.readfrom_mem(address, 0xD0, 1)[0]
    return {0x60: "bme280", 0x58: "bmp280", 0x57: "bmp280", 0x56: "bmp280"}.get(chip)


def _sht(i2c, address: int):
    # The status register of one, the serial number of the other.
    for driver, command, count in (("sht3x", b"\xf3\x2d", 3), ("sht4x", b"\x89", 6)):
        try:
            if _words(_ask(i2c, address, command, 10, count)):
                return driver
        except (OSError, IndexError):
            pass
    return None


def _aht(i2c, address: int):
    # Both measure; only one has a checksum of it.
    data = _ask(i2c, address, b"\xac\x33\x00", 80, 7)
    if data[0] == 0xFF:
        return None
    return "aht20" if sensirion_crc(data[:6]) == data[6] else "aht10"


def _scd(i2c, address: int):
    i2c.writeto(address, b"\x3f\x86")
    time.sleep_ms(500)
    return "scd4x" if _words(_ask(i2c, address, b"\x36\x82", 1, 9)) else None


def _bh(i2c, address: int):
    # It has nothing that says who it is; its commands are a byte each.
    return "bh1750" if i2c.writeto(address, b"\x01") == 1 else None


_PROBES = {
    0x23: _bh,
    0x38: _aht,
    0x44: _sht,
    0x45: _sht,
    0x46: _sht,
    0x5C: _bh,
    0x62: _scd,
    0x76: _bosch,
    0x77: _bosch,
}
