"""The sensors that the firmware knows, and what each wants in the settings. Pure.

What stands here is what host/provision/drivers.toml has, which is no part of an installed hub; a
test compares the two. A driver that is not here is a person's own: the device alone knows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from hub.language.words import N_

__all__ = ["DRIVERS", "DriverNeeds", "clash", "missing"]

_UART_RX = 3  # where one listens that names no pin


@dataclass(frozen=True, slots=True)
class DriverNeeds:
    """One driver: `pins` are needed, `options` (lowest, highest; None: text) are not.

    `wired` are the options that are GPIO numbers. Those of one `bus` share its pins where
    `identity` tells them apart; `usual` stands for it where the settings have none.
    """

    name: str
    pins: tuple[str, ...] = ()
    options: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)
    bus: str = ""
    wired: tuple[str, ...] = ()
    identity: str = ""
    usual: int | str = ""


def _i2c(name: str, low: int, high: int, **options: tuple[int, int]) -> DriverNeeds:
    given = {"address": (low, high), **options}
    return DriverNeeds(name, ("scl", "sda"), given, "i2c", (), "address", low)


def _serial(name: str) -> DriverNeeds:
    return DriverNeeds(name, (), {"rx": (3, 13), "set": (0, 15)}, "uart", ("rx", "set"))


_MILLIVOLTS = (500, 20000)

DRIVERS: Mapping[str, DriverNeeds] = {
    "aht10": _i2c(N_("AHT10 (temperature, humidity)"), 0x38, 0x39),
    "aht20": _i2c(N_("AHT20 (temperature, humidity)"), 0x38, 0x38),
    "battery": DriverNeeds(
        N_("battery level"),
        options=dict.fromkeys(("scale_mv", "empty_mv", "full_mv"), _MILLIVOLTS),
        bus="adc",
    ),
    "bh1750": _i2c(N_("BH1750 (light)"), 0x23, 0x5C),
    "bme280": _i2c(N_("BME280 (temperature, humidity, air pressure)"), 0x76, 0x77),
    "bmp280": _i2c(N_("BMP280 (temperature, air pressure)"), 0x76, 0x77),
    "contact": DriverNeeds(N_("contact (door, window)"), ("pin",), {"open": (0, 1)}),
    "dht22": DriverNeeds(N_("DHT22 (temperature, humidity)"), ("pin",)),
    "ds18b20": DriverNeeds(
        N_("DS18B20 (temperature)"),
        ("pin",),
        {"rom": None, "clone": (0, 1)},
        "onewire",
        identity="rom",
    ),
    "motion": DriverNeeds(N_("motion sensor (PIR)"), ("pin",), {"hold_s": (5, 3600)}),
    "pms5003": _serial(N_("PMS5003 (particles)")),
    "scd4x": _i2c(
        N_("SCD40 or SCD41 (carbon dioxide, temperature, humidity)"),
        0x62,
        0x62,
        alarm_ppm=(400, 40000),
    ),
    "sds011": _serial(N_("SDS011 (particles)")),
    "sht3x": _i2c(N_("SHT30, SHT31 or SHT35 (temperature, humidity)"), 0x44, 0x45),
    "sht4x": _i2c(N_("SHT40, SHT41 or SHT45 (temperature, humidity)"), 0x44, 0x46),
    "soil": DriverNeeds(
        N_("soil moisture at the ADC"), options={"dry": (0, 1024), "wet": (0, 1024)}, bus="adc"
    ),
}
"""By their name in the settings; what people call them is English and translated where shown."""


def missing(entry: Mapping[str, object]) -> list[str]:
    """The pins that a sensor wants and does not have."""
    driver = DRIVERS.get(str(entry.get("driver")))
    return [] if driver is None else [pin for pin in driver.pins if entry.get(pin) is None]


def clash(entries: Sequence[Mapping[str, object]]) -> tuple[int, int] | None:
    """The first two (numbers from 0) that want what only one can have; None where none do."""
    known = [(n, one) for n, one in enumerate(entries) if one.get("driver") in DRIVERS]
    for (n, one), (m, other) in combinations(known, 2):
        if _collide(one, other):
            return n, m
    return None


def _collide(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    first, second = (DRIVERS[str(entry["driver"])] for entry in (one, other))
    if first.bus == second.bus and first.bus in {"adc", "uart"}:
        return True  # the chip has one of each
    if not _wired(one, first) & _wired(other, second):
        return False
    shared = first.bus and first.bus == second.bus
    if not shared or any(one.get(pin) != other.get(pin) for pin in first.pins):
        return True
    return one.get(first.identity, first.usual) == other.get(second.identity, second.usual)


def _wired(entry: Mapping[str, object], driver: DriverNeeds) -> set[object]:
    pins = {entry[name] for name in (*driver.pins, *driver.wired) if entry.get(name) is not None}
    return pins | ({entry.get("rx", _UART_RX)} if driver.bus == "uart" else set())
