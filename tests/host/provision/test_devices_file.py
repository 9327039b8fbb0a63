"""A file of devices: what is refused before anything is written, and two devices from one file."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from host import boards, keys
from host.provision import devices_file, drivers, plan
from host.provision.errors import (
    DevicesFileError,
    EndpointRefusedError,
    NotHeardError,
    PlanError,
)
from host.provision.hub import LocalHub
from host.provision.plan import HubEndpoint, ProvisioningPlan, Wifi
from host.provision.repl import Repl
from tests.support.hub import HubProcess

ROOT = Path(__file__).resolve().parents[3]
HUB = HubEndpoint(host="192.168.1.7")
KEY = "rosebud 1941"
COMMON = f'wifi = {{ ssid = "house", key = "{KEY}" }}\n'


@pytest.fixture
def written(tmp_path):
    """Writes a file of devices, mode 0600."""

    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "devices.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def test_a_device_says_what_differs(written):
    path = written(
        COMMON
        + """
[devices.kitchen]
board = "nodemcu"
place = "House / Kitchen"
sensors = [
  { driver = "ds18b20", pin = "D2", rom = "28FF641E8D3C0C71" },
  { driver = "ds18b20", pin = "GPIO4", rom = "28ff641e8d3c0c72" },
  { driver = "battery" },
]
[devices.lamp]
board = "sonoff-basic"
name = "Lamp"
switch = true
serial = "/dev/ttyUSB1"
hub = { host = "hub.example", port = 2883 }
wifi = { ssid = "barn" }
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
            {"driver": "ds18b20", "pin": 4, "rom": "28ff641e8d3c0c71"},
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
            "kitchen: wifi.key: String should match",
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
    listed = (ROOT / "firmware/dormouse/sensors/__init__.py").read_text()
    names = listed.split("DRIVERS = (")[1].split(")")[0]
    assert [name.strip(' ",\n') for name in names.split(",") if name.strip()] == [*drivers.known()]
    for board in boards.known().values():
        assert set(board.sensors) <= set(drivers.known())


def test_two_batteries_are_one_too_many():
    with pytest.raises(PlanError, match="one battery only"):
        plan.check_sensors([{"driver": "battery"}] * 2, boards.get("nodemcu"))


@pytest.fixture
async def closed_hub(short_tmp, empty_hub):
    """A hub that lets nobody enrol: only accounts made beforehand get in."""
    await asyncio.to_thread(subprocess.run, ["cp", "-a", empty_hub, short_tmp / "data"], check=True)
    process = HubProcess(short_tmp / "data", ENROLMENT="closed")
    await process.start()
    yield process
    await process.stop()


async def provision(hub: HubProcess, *arguments: str) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DORMOUSE_")}
    return await hub.command(
        "provision", *arguments, env={**environment, "DORMOUSE_DATA_DIR": str(hub.data_dir)}
    )


async def test_a_hub_that_shuts_out_or_hears_nothing(closed_hub):
    def ask() -> None:
        with LocalHub.find(closed_hub.data_dir) as hub:
            assert hub.is_at(HubEndpoint(**hub.addresses[0].model_dump() | {"host": "localhost"}))
            assert not hub.is_at(HUB)
            first = hub.admit("esp8266_0000000a", "")
            again = hub.admit("esp8266_0000000a", first)
            assert len(first) == len(again) == 32
            assert first != again
            heard = iter(("wifi: [Errno 5] EIO\n", "broker: OSError 113\n"))
            with pytest.raises(
                NotHeardError, match=r"within 0\.2 s; it said 'broker: OSError 113'"
            ):
                hub.first_report("esp8266_0000000a", None, 0.2, lambda: next(heard, ""))
            hub._client.post("/accounts/esp8266_0000000a/disable")
            with pytest.raises(
                EndpointRefusedError, match="dormouse devices enable esp8266_0000000a"
            ):
                hub.admit("esp8266_0000000a", "")

    await asyncio.to_thread(ask)


async def test_a_wrong_password_in_a_file_leaves_the_device_as_it_was(
    make_prompt_board, closed_hub, written
):
    board = await make_prompt_board()
    text = COMMON.replace(KEY, "not the password")
    path = written(f"{text}[devices.a]\nboard = 'nodemcu'\nserial = '{board.port}'\n")
    status, said = await provision(closed_hub, "--file", str(path))
    assert status == 60
    assert "dormouse: a: the device does not join 'house': the password is wrong" in said
    assert "not the password" not in said
    assert not (board.flash / "settings.json").exists()
    assert (await closed_hub.status())["devices"] == []


async def test_the_firmware_takes_what_a_plan_allows(make_prompt_board):
    longest = ProvisioningPlan(
        board="nodemcu",
        wifi=Wifi(ssid="s" * 32, key="k" * 64),
        hub=HubEndpoint(host="h" * 64, port=65535, enrol_port=65535),
        name="n" * 64,
        model="m" * 32,
        interval=2592000,
        ota_key="0123456789abcdef",
    )
    settings = plan.settings(longest, boards.get("nodemcu"))
    # It goes on joining until its deadline, so that it is awake when it is asked.
    wifi = {"ssid": "s" * 32, "key": "k" * 64, "associate_ms": 600_000}
    board = await make_prompt_board(settings=settings, wifi=wifi)

    def ask() -> list[str]:
        with Repl(board.port) as repl:
            return repl.evaluate(
                "import json\nfrom dormouse import settings\n"
                "print(json.dumps(settings.load().invalid))"
            )

    assert await asyncio.to_thread(ask) == []


async def test_two_devices_get_in_where_nobody_may_enrol(
    make_prompt_board, closed_hub, written, tmp_path
):
    key = keys.new(tmp_path / "ota.pem", 1024)
    kitchen = await make_prompt_board(onewire_pin=4)
    # This one brings a password of its own and gets the firmware as well.
    lamp = await make_prompt_board(installed=False)
    (lamp.flash / "password").write_text("0123456789abcdef" * 2)
    text = f"""
{COMMON}
[devices.kitchen]
board = "nodemcu"
serial = "{kitchen.port}"
id = "{kitchen.id}"
interval = 60
sensors = [{{ driver = "ds18b20", pin = "D2" }}]
[devices.lamp]
board = "sonoff-basic"
serial = "{lamp.port}"
firmware = true
switch = true
"""
    path = written(text)
    signed = ("--key", str(tmp_path / "ota.pem"))
    status, said = await provision(closed_hub, "--file", str(path), *signed)
    assert status == 0, said
    assert f"{kitchen.id} is set up and reports to the hub" in said
    assert "TemperatureSensor CurrentTemperature: 20.5" in said
    assert f"{lamp.id} is set up and reports to the hub" in said
    assert f"its own network, if you hold its button: dormouse-{kitchen.id[-4:]}, password" in said
    assert KEY not in said
    assert (lamp.flash / "password").read_text() == "0123456789abcdef" * 2
    assert (lamp.flash / "dormouse" / "sensors" / "ds18b20.mpy").exists()
    heard = {one["id"]: one for one in (await closed_hub.status())["devices"]}
    assert heard[lamp.id]["report"]["board"] == "sonoff-basic"

    # Once more, the wrong device on the port: it stays as it is, the other is set up anew.
    before = (kitchen.flash / "settings.json").read_text()
    path.write_text(text.replace(f'id = "{kitchen.id}"', 'id = "esp8266_00000000"'))
    kitchen.heard.clear()
    again = asyncio.create_task(provision(closed_hub, "--file", str(path)))
    async with asyncio.timeout(60):
        while not kitchen.heard:
            await asyncio.sleep(0.01)
    kitchen.press_reset()
    status, said = await again
    assert status == 60, said
    assert f"kitchen: {kitchen.port} has {kitchen.id}, not esp8266_00000000" in said
    assert "1 of 2 devices are not set up" in said
    assert (kitchen.flash / "settings.json").read_text() == before
    assert f"{lamp.id} is set up and reports to the hub" in said
    assert json.loads(before)["interval"] == 60
    # Whose updates they take was said the first time.
    for board in (kitchen, lamp):
        assert json.loads((board.flash / "settings.json").read_text())["ota_key"] == key.name


def test_without_a_terminal_there_are_no_questions(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "host", "provision"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 68
    assert done.stderr == (
        "dormouse: Questions need a terminal: describe the devices in a file and name it with "
        "--file\n"
    )
