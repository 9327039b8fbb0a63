from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from hub.device_settings.errors import ConfigError
from hub.device_settings.schema import MASK, SETTINGS, checked, masked, parse, split_secrets

FIRMWARE = Path(__file__).parents[3] / "firmware/dormouse/settings.py"


@pytest.fixture(scope="module")
def firmware():
    spec = importlib.util.spec_from_file_location("device_settings", FIRMWARE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def allowed(name: str, value: object) -> bool:
    try:
        checked({name: value})
    except ConfigError:
        return False
    return True


def test_what_the_device_lets_the_hub_change_can_be_wanted(firmware):
    assert set(firmware.CONFIGURABLE) <= SETTINGS.keys()


def test_bounds_are_the_devices(firmware):
    numbers = {n: r for n, r in firmware.SCHEMA.items() if isinstance(r, tuple) and len(r) == 3}
    for name in SETTINGS.keys() & numbers.keys():
        _, low, high = numbers[name]
        for value in (low - 1, low, high, high + 1, 1.5, True, "1", None):
            assert allowed(name, value) == (value is None or firmware.valid(name, value)), (
                name, value,
            )  # fmt: skip
    for value in (True, False, 1, 0, "true", "", None):
        assert allowed("plain", value) == (value is None or firmware.valid("plain", value)), value
    for name in ("name", "model"):
        longest = firmware.SCHEMA[name][1]
        for value in ("", "x" * longest, "x" * (longest + 1), 1):
            assert allowed(name, value) == firmware.valid(name, value), (name, value)


def test_further_brokers_are_machines_and_fit(firmware):
    longest = ",".join(["a" * 32, *(3 * ["b" * 31])])
    assert len(longest) == firmware.SCHEMA["brokers"][1]
    assert checked({"brokers": " a.lan, 10.0.0.1,"}) == {"brokers": "a.lan,10.0.0.1"}
    assert allowed("brokers", longest)
    assert firmware.valid("brokers", longest)
    for value in (longest + "c", "a.lan,not a name", "0.0.0.0", 7, ["a.lan"]):
        assert not allowed("brokers", value), value


def test_settings_that_there_are_not_are_named():
    with pytest.raises(ConfigError, match=r"host: no such setting; there are interval"):
        checked({"host": "evil.example"})
    with pytest.raises(ConfigError, match="none named"):
        checked({})


@pytest.mark.parametrize("wifi", [
    {}, "home", {"key": "12345678"}, {"ssid": ""}, {"ssid": "x" * 33}, {"ssid": "ä" * 17},
    {"ssid": "home", "key": "1234567"}, {"ssid": "home", "key": "x" * 64},
    {"ssid": "home", "key": "schlüssel"}, {"ssid": "home", "key": None},
    {"ssid": "ho\nme", "key": "12345678"}, {"ssid": "home", "key": "12345678", "bssid": ""},
])  # fmt: skip
def test_credentials_that_no_network_has(wifi):
    with pytest.raises(ConfigError) as refused:
        checked({"wifi": wifi})
    assert refused.value.setting == "wifi"
    if isinstance(wifi, dict) and wifi.get("key"):
        assert wifi["key"] not in str(refused.value)


@pytest.mark.parametrize("key", ["", "12345678", "x" * 63, "0" * 64, "a b c d e"])
def test_credentials_that_networks_have(key):
    found = checked({"wifi": {"ssid": "home", "key": key}})
    assert found == {"wifi": {"ssid": "home", "key": key}}


def test_assignments():
    assert parse("interval=600") == ("interval", 600)
    assert parse("interval=-1") == ("interval", -1)
    assert parse("interval=") == ("interval", None)
    assert parse("name=600") == ("name", "600")
    assert parse("name=a=b") == ("name", "a=b")
    assert parse("interval=soon") == ("interval", "soon")
    assert parse("wifi=") == ("wifi", None)
    assert [parse(f"plain={word}") for word in ("true", "Yes", "1", "off", "")] == [
        ("plain", True), ("plain", True), ("plain", True), ("plain", False), ("plain", None),
    ]  # fmt: skip
    assert parse("plain=perhaps") == ("plain", "perhaps")
    for wrong in ("interval", "wifi=home"):
        with pytest.raises(ConfigError):
            parse(wrong)


def test_secrets_are_kept_apart():
    wifi = {"ssid": "home", "key": "12345678"}
    shown, secrets = split_secrets({"interval": 5, "wifi": wifi})
    assert shown == {"interval": 5, "wifi": {"ssid": "home", "key": MASK}}
    assert secrets == {"wifi": wifi}
    assert masked({"wifi": {"ssid": "open", "key": ""}}) == {"wifi": {"ssid": "open", "key": ""}}
    assert split_secrets({"interval": 5}) == ({"interval": 5}, None)


ENTRY = {"driver": "ds18b20", "pin": 4, "rom": "28ff641e8d3c0cda"}


def test_lists_of_sensors_that_there_can_be():
    several = [ENTRY, {"driver": "bme280", "scl": 5, "sda": 4, "address": 0x77}, {"driver": "mine"}]
    for sensors in ([], [ENTRY], several, [{"driver": "battery"}] * 12):
        assert checked({"sensors": sensors}) == {"sensors": sensors}
    assert parse('sensors=[{"driver": "dht22", "pin": 14}]') == (
        "sensors",
        [{"driver": "dht22", "pin": 14}],
    )
    assert parse("sensors=") == ("sensors", None)


@pytest.mark.parametrize("sensors", [
    "ds18b20", {"driver": "ds18b20"}, [5], [{}], [{"driver": 5}], [{"driver": "../x"}],
    [{"driver": "x"}], [ENTRY | {"pin": 6}], [ENTRY | {"pin": 16}], [ENTRY | {"pin": "4"}],
    [ENTRY | {"pin": True}], [ENTRY | {"rom": "x" * 33}], [ENTRY | {"rom": "a\nb"}],
    [ENTRY | {"rom": None}], [ENTRY | {"more": [1]}], [ENTRY | {"a b": 1}],
    [ENTRY | {"n": 1 << 30}], [ENTRY | {"n": 1.5}], [ENTRY] * 13,
    [{"driver": "battery", **{f"setting_{n}": n for n in range(99)}}],
])  # fmt: skip
def test_lists_of_sensors_that_no_device_can_take(sensors):
    with pytest.raises(ConfigError) as refused:
        checked({"sensors": sensors})
    assert refused.value.setting == "sensors"


def test_a_list_that_is_no_json_is_refused():
    with pytest.raises(ConfigError, match="must be JSON"):
        parse("sensors=ds18b20")


def test_the_firmware_takes_the_lists_that_may_be_wanted(firmware):
    assert firmware.valid("sensors", checked({"sensors": [ENTRY]})["sensors"])


@pytest.mark.parametrize("entry", [
    {"driver": "bme280", "scl": 5, "sda": 4, "address": 300},
    {"driver": "bme280", "scl": 5, "sda": 4, "address": 0},
    {"driver": "bme280", "scl": 5, "sda": 4, "address": "0x76"},
    {"driver": "bme280", "scl": 5, "sda": 5},
    {"driver": "ds18b20", "pin": 6}, {"driver": "ds18b20", "pin": 16},
    {"driver": "dht22", "pin": "4"},
    {"driver": "battery", "scale_mv": 0}, {"driver": "battery", "scale_mv": 99999},
    {"driver": "battery", "scale_mv": 3000, "empty_mv": 3000},
    {"driver": "battery", "empty_mv": 3000, "full_mv": 2000},
])  # fmt: skip
def test_addresses_pins_and_millivolts_that_cannot_be(entry):
    with pytest.raises(ConfigError, match=entry["driver"]):
        checked({"sensors": [entry]})


def test_addresses_pins_and_millivolts_that_can():
    entries = [
        {"driver": "bme280", "scl": 5, "sda": 4, "address": 0x77},
        {"driver": "battery", "scale_mv": 4200, "empty_mv": 3000, "full_mv": 4100},
    ]
    assert checked({"sensors": entries}) == {"sensors": entries}
