"""A file of devices: what it says of each, and what is refused before anything is written."""

from __future__ import annotations

import pytest

from host import boards
from host.firmware import SOURCE
from host.provision import devices_file, drivers, plan
from host.provision.errors import (
    DevicesFileError,
    PlanError,
)
from host.provision.plan import ProvisioningPlan, Wifi
from tests.host.provision.files import COMMON, HUB, KEY


def refused(problem, *entries, board="nodemcu"):
    with pytest.raises(PlanError) as raised:
        plan.check_sensors(entries, boards.get(board))
    assert problem in str(raised.value)


I2C = {"scl": "D1", "sda": "D2"}


def test_sensors_share_a_bus_when_something_tells_them_apart():
    nodemcu = boards.get("nodemcu")
    several = [
        {"driver": "bme280", **I2C},
        {"driver": "bmp280", **I2C, "address": 0x77},
        {"driver": "sht3x", **I2C},
        {"driver": "bh1750", **I2C},
        {"driver": "ds18b20", "pin": "D5"},
        {"driver": "ds18b20", "pin": "D5", "rom": "28ff641e8d3c0cda"},
        {"driver": "pms5003"},
        {"driver": "contact", "pin": "D6"},
    ]
    assert len(plan.check_sensors(several, nodemcu)) == len(several)
    taken = "is taken by another sensor"
    refused(taken, {"driver": "sht3x", **I2C}, {"driver": "sht4x", **I2C})
    refused(taken, {"driver": "bme280", **I2C}, {"driver": "bmp280", **I2C, "address": 0x76})
    refused(taken, {"driver": "bme280", **I2C}, {"driver": "bh1750", "scl": "D2", "sda": "D1"})
    refused(taken, {"driver": "bme280", **I2C}, {"driver": "ds18b20", "pin": "D2"})
    refused(taken, *[{"driver": "ds18b20", "pin": "D5"}] * 2)


def test_what_there_is_one_of_is_used_once():
    refused("there is one ADC, and battery uses it", {"driver": "battery"}, {"driver": "soil"})
    refused("one UART that can listen, and pms5003", {"driver": "pms5003"}, {"driver": "sds011"})
    refused("UART can listen at RX (GPIO3) or D7 (GPIO13) only", {"driver": "pms5003", "rx": "D2"})
    refused(
        "is taken by another", {"driver": "contact", "pin": "D8"}, {"driver": "sds011", "rx": 13}
    )
    refused(
        "is taken by another", {"driver": "sds011", "set": "D5"}, {"driver": "dht22", "pin": "D5"}
    )


def test_a_battery_is_measured_where_it_can_be():
    """Without a divider an ESP-12 reads 1.0 V at most: every battery is beyond that for ever."""
    refused("has no divider", {"driver": "battery"}, board="esp-12")
    refused("empty_mv is 2400", {"driver": "battery", "scale_mv": 1000}, board="esp-12")
    refused("full_mv", {"driver": "battery", "full_mv": 2400})
    allowed = {"driver": "battery", "scale_mv": 4200}
    assert plan.check_sensors([allowed], boards.get("esp-12")) == [allowed]


def test_a_device_says_what_differs(written):
    path = written(
        COMMON
        + """
[devices.kitchen]
board = "nodemcu"
place = "House / Kitchen"
sensors = [
  { driver = "ds18b20", pin = "D2", rom = "28FF641E8D3C0CDA" },
  { driver = "ds18b20", pin = "GPIO4", rom = "28ff641e8d3c0c72" },
  { driver = "battery" },
]
[devices.lamp]
board = "sonoff-basic"
name = "Lamp"
switch = true
serial = "/dev/ttyUSB1"
hub = { host = "hub.example", port = 2883 }
wifi = { ssid = "barn", key = "" }
"""
    )
    kitchen, lamp = devices_file.load(path, HUB)
    assert plan.settings(kitchen.plan, kitchen.board) == {
        "ssid": "house",
        "key": KEY,
        "host": "192.168.1.7",
        "port": 1883,
        "enrol_port": 1884,
        "name": "kitchen",
        "model": "sensor",
        "interval": 300,
        "sensors": [
            {"driver": "ds18b20", "pin": 4, "rom": "28ff641e8d3c0cda"},
            {"driver": "ds18b20", "pin": 4, "rom": "28ff641e8d3c0c72"},
            {"driver": "battery", "scale_mv": 3200},
        ],
    }
    settings = plan.settings(lamp.plan, lamp.board)
    assert settings["switch"] == {"relay": 12, "button": 0, "led": 13}
    assert (settings["ssid"], settings["key"], settings["port"]) == ("barn", "", 2883)
    assert (lamp.serial, lamp.id, lamp.firmware) == ("/dev/ttyUSB1", "", False)


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ('board = "d7"', "kitchen: board: there is no board 'd7' here; known: nodemcu, d1-mini,"),
        ("name = 'x'", "kitchen: board: missing"),
        ('board = "nodemcu"\nintervall = 5', "kitchen: intervall: unknown; allowed: board, wifi,"),
        ('board = "nodemcu"\ninterval = 0', "kitchen: interval: Input should be greater than"),
        (
            'board = "nodemcu"\nswitch = true',
            "kitchen: switch: NodeMCU (ESP-12E, 1.0) has no relay",
        ),
        ('board = "nodemcu"\nplace = "a//b"', "kitchen: place: String should match"),
        ('board = "nodemcu"\nid = "kitchen"', "kitchen: id: String should match"),
        (
            'board = "nodemcu"\nsensors = [{ driver = "ds18b20", pin = "D9" }]',
            "kitchen: sensors[0].pin: NodeMCU (ESP-12E, 1.0) has no pin 'D9'; allowed: D3 (GPIO0),",
        ),
        (
            'board = "nodemcu"\nsensors = [{ driver = "ds18b20" }]',
            "kitchen: sensors[0].pin: no pin is given; allowed: D3 (GPIO0),",
        ),
        (
            'board = "nodemcu"\nsensors = [{ driver = "dht22", pin = "D0" }]',
            "kitchen: sensors[0].pin: D0 (GPIO16) wakes the device and can carry no sensor",
        ),
        (
            (
                'board = "nodemcu"\nsensors = [{ driver = "dht22", pin = 4 }, '
                '{ driver = "bme280", scl = 5, sda = 4 }]'
            ),
            "kitchen: sensors[1].sda: D2 (GPIO4) is taken by another sensor (dht22)",
        ),
        (
            'board = "nodemcu"\nsensors = [{ driver = "sht31" }]',
            "kitchen: sensors[0].driver: there is no sensor 'sht31'; allowed on NodeMCU",
        ),
        (
            'board = "sonoff-basic"\nsensors = [{ driver = "bme280" }]',
            "kitchen: sensors[0].driver: Sonoff Basic does not carry 'bme280'; allowed on Sonoff",
        ),
        (
            'board = "nodemcu"\nsensors = [{ driver = "battery", full = 3 }]',
            "kitchen: sensors[0].full: battery has no such setting; allowed: driver, scale_mv,",
        ),
        (
            'board = "nodemcu"\nsensors = [{ driver = "bme280", scl = 5, sda = 4, address = 9 }]',
            "kitchen: sensors[0].address: 9 is not a whole number from 118 to 119",
        ),
        (
            'board = "nodemcu"\nwifi = { ssid = "house", key = "secret" }',
            "kitchen: wifi.key: a password has 8 to 63 characters without accents, or is 64",
        ),
        (
            'board = "nodemcu"\nwifi = { ssid = "house" }',
            'kitchen: wifi.key: missing: its password, or "" for an open network',
        ),
        (
            f'board = "nodemcu"\nwifi = {{ ssid = "{"ü" * 17}", key = "" }}',
            "kitchen: wifi.ssid: a network's name has 1 to 32 bytes of UTF-8, this one 34",
        ),
        (
            'board = "nodemcu"\nwifi = { ssid = "a\\u001bb", key = "" }',
            "kitchen: wifi.ssid: a network's name has no control characters",
        ),
        (
            'board = "nodemcu"\nhub = { host = "192.168.1.256" }',
            "kitchen: hub.host: '192.168.1.256' is no address: it is like 192.168.1.7",
        ),
        (
            'board = "nodemcu"\nhub = { host = "0.0.0.0" }',
            "kitchen: hub.host: 0.0.0.0 is no machine's address",
        ),
        (
            'board = "nodemcu"\nhub = { host = "http://pi" }',
            "kitchen: hub.host: 'http://pi' is no address: it is like 192.168.1.7, hub.lan or",
        ),
        (
            'board = "nodemcu"\nname = "a\\u0007"',
            "kitchen: name: has characters that nobody sees",
        ),
        (
            'board = "esp-12"\nsensors = [{ driver = "battery", scale_mv = 0 }]',
            "kitchen: sensors[0].scale_mv: 0 is not a whole number from 500 to 20000",
        ),
    ],
)
def test_what_is_not_allowed_is_one_line_with_file_device_and_what_is(written, device, said):
    path = written(f"{COMMON}[devices.hall]\nboard = 'nodemcu'\n[devices.kitchen]\n{device}\n")
    with pytest.raises(DevicesFileError) as raised:
        devices_file.load(path, HUB)
    message = str(raised.value)
    assert message.startswith(f"{path}: {said}")
    assert "\n" not in message
    assert "secret" not in message.removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[devices", "not TOML: "),
        ("[device.x]\n", "[device]: unknown; allowed: wifi, hub, devices"),
        (COMMON, "no device in it"),
        ("[devices]\nx = 1\n", "x: not a table"),
        (
            COMMON + "[devices.a]\nboard='nodemcu'\nserial='/dev/x'\n"
            "[devices.b]\nboard='nodemcu'\nserial='/dev/x'\n",
            "b: serial: a has /dev/x too",
        ),
    ],
)
def test_a_file_that_is_none(written, text, said):
    path = written(text)
    with pytest.raises(DevicesFileError) as raised:
        devices_file.load(path, HUB)
    assert str(raised.value).startswith(f"{path}: {said}")


def test_a_password_that_others_may_read(written):
    text = COMMON + "[devices.a]\nboard = 'nodemcu'\n"
    path = written(text, 0o644)
    with pytest.raises(DevicesFileError, match="others may read it: chmod 600"):
        devices_file.load(path, HUB)
    assert devices_file.load(written(text.replace(KEY, ""), 0o644), HUB)


def test_without_a_hub_here_the_file_must_name_one(written):
    with pytest.raises(DevicesFileError, match="a: hub: missing"):
        devices_file.load(written(COMMON + "[devices.a]\nboard = 'nodemcu'\n"), None)


def test_every_driver_of_the_firmware_is_known_here():
    listed = (SOURCE / "dormouse/sensors/__init__.py").read_text()
    names = listed.split("DRIVERS = (")[1].split(")")[0]
    assert [name.strip(' ",\n') for name in names.split(",") if name.strip()] == [*drivers.known()]
    for board in boards.known().values():
        assert set(board.sensors) <= set(drivers.known())


def test_two_batteries_are_one_too_many():
    with pytest.raises(PlanError, match="one battery only"):
        plan.check_sensors([{"driver": "battery"}] * 2, boards.get("nodemcu"))


def test_what_the_plan_leaves_open_stays_as_it_is_on_the_device():
    asked = ProvisioningPlan(board="nodemcu", wifi=Wifi(ssid="house", key=KEY), hub=HUB)
    assert "plain" not in plan.settings(asked, boards.get("nodemcu"))
    for wanted in (True, False):
        told = asked.model_copy(update={"plain": wanted})
        assert plan.settings(told, boards.get("nodemcu"))["plain"] is wanted
