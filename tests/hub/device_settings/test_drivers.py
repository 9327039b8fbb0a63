"""What the hub knows of the firmware's sensors, beside what the laptop knows of them."""

from __future__ import annotations

import pytest

from host.provision import drivers as laptop
from hub.device_settings.drivers import DRIVERS, clash, missing

BME = {"driver": "bme280", "scl": 5, "sda": 4}


def test_the_hub_knows_what_the_laptop_knows():
    known = laptop.known()
    assert DRIVERS.keys() == known.keys()
    for key, driver in DRIVERS.items():
        other = known[key]
        options = {name: bounds or () for name, bounds in driver.options.items()}
        assert (driver.name, driver.pins, options) == (other.name, other.pins, other.options), key
        assert (driver.bus, driver.wired) == (other.bus, other.wired), key
        assert (driver.identity, driver.usual) == (other.identity, other.usual), key


def test_pins_that_are_missing_are_named():
    assert missing({"driver": "bme280", "scl": 5}) == ["sda"]
    assert missing(BME) == missing({"driver": "battery"}) == missing({"driver": "mine"}) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([BME, {"driver": "battery"}, {"driver": "ds18b20", "pin": 14}], None),
        ([BME, {"driver": "bh1750", "scl": 5, "sda": 4}], None),  # one bus, two addresses
        ([BME, BME | {"address": 0x77}], None),
        ([BME, BME | {"address": 0x76}], (0, 1)),  # named or not, it is the same one
        ([BME, {"driver": "bmp280", "scl": 4, "sda": 5}], (0, 1)),  # the other way round
        ([{"driver": "battery"}, BME, {"driver": "soil"}], (0, 2)),  # the chip has one ADC
        ([{"driver": "pms5003"}, {"driver": "contact", "pin": 3}], (0, 1)),  # where it listens
        ([{"driver": "dht22", "pin": 4}, {"driver": "motion", "pin": 4}], (0, 1)),
        ([{"driver": "ds18b20", "pin": 4, "rom": "28" * 8}, {"driver": "ds18b20", "pin": 4}], None),
        ([{"driver": "mine", "pin": 4}, {"driver": "mine", "pin": 4}], None),  # its own business
    ],
)  # fmt: skip
def test_two_that_want_the_same(entries, expected):
    assert clash(entries) == expected
