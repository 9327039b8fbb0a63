"""What is asked of a device at its prompt, over a serial port with the real VM behind it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from host import boards
from host.provision.device import FoundSensors, Network, SerialDevice
from host.provision.errors import DeviceSaidError, NoPromptError, WifiError
from host.provision.plan import HubEndpoint, Wifi
from host.provision.repl import Repl

ROM = "28ff641e8d3c0cda"


async def at_prompt(board, do, within: float = 20):
    """`do(device)` with the board at its prompt, beside the loop that is the board."""

    def talk():
        with Repl(board.port, within=within) as repl:
            return do(SerialDevice(repl))

    return await asyncio.to_thread(talk)


async def test_who_it_is(make_prompt_board):
    board = await make_prompt_board()
    facts = await at_prompt(board, lambda device: device.facts)
    assert (facts.id, facts.firmware, facts.board) == (board.id, "0.1.0", "twin")
    assert (facts.password, facts.settings) == ("", {})


async def test_a_board_without_firmware_says_so(make_prompt_board):
    board = await make_prompt_board(installed=False)
    facts = await at_prompt(board, lambda device: device.facts)
    assert (facts.id, facts.firmware) == (board.id, "")


async def test_networks_sensors_and_the_hub(make_prompt_board):
    board = await make_prompt_board(onewire_pin=14)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = HubEndpoint(host="127.0.0.1", port=server.getsockname()[1])
        wifi = Wifi(ssid="house", key="rosebud 1941")

        def look(device):
            found = device.networks(), device.sensors(boards.get("nodemcu"))
            device.join(wifi)
            device.reach(address)
            return found

        networks, sensors = await at_prompt(board, look)
    assert networks == [Network("house", -60, open=False)]
    assert (sensors.unknown, sensors.problems) == ([], [])
    assert sensors.entries == [
        {"driver": "bme280", "scl": 5, "sda": 4, "address": 0x76},
        {"driver": "ds18b20", "pin": 14, "rom": ROM},
    ]
    assert b"rosebud" in board.heard  # over the wire, where it belongs


async def test_sensors_that_are_not_there(make_prompt_board):
    board = await make_prompt_board(missing=["bme280", "ds18b20"])
    nodemcu = boards.get("nodemcu")
    found = await at_prompt(board, lambda device: device.sensors(nodemcu))
    assert found == FoundSensors([], [], [])


async def test_sensors_before_there_is_firmware(make_prompt_board):
    """Its own code looks, typed in."""
    board = await make_prompt_board(installed=False, i2c={"0x76": "bmp280", "0x27": "bmp280"})
    found = await at_prompt(board, lambda device: device.sensors(boards.get("d1-mini")))
    assert [entry["driver"] for entry in found.entries] == ["bmp280", "ds18b20"]
    assert found.unknown == [0x27]
    # A board that carries no I2C is not asked for any.
    found = await at_prompt(board, lambda device: device.sensors(boards.get("esp-01")))
    assert [entry["driver"] for entry in found.entries] == ["ds18b20"]


@pytest.mark.parametrize(
    ("wifi", "wrong_key", "reason"),
    [
        (Wifi(ssid="house", key="not the key"), True, "the password is wrong"),
        (Wifi(ssid="barn", key="rosebud 1941"), False, "not in reach"),
    ],
)
async def test_a_network_it_does_not_join(make_prompt_board, wifi, wrong_key, reason):
    board = await make_prompt_board()
    with pytest.raises(WifiError, match=reason) as raised:
        await at_prompt(board, lambda device: device.join(wifi))
    assert raised.value.wrong_key is wrong_key
    assert wifi.key not in str(raised.value)


async def test_a_hub_it_does_not_reach(make_prompt_board):
    board = await make_prompt_board()
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = HubEndpoint(host="127.0.0.1", port=unheard.getsockname()[1])

        def look(device):
            device.join(Wifi(ssid="house", key="rosebud 1941"))
            device.reach(address)

        with pytest.raises(DeviceSaidError, match="does not reach the hub"):
            await at_prompt(board, look)


SLEEPY = {"ssid": "barn", "host": "127.0.0.1", "deadline_ms": 500, "interval": 300}


async def test_a_sleeping_board_does_not_listen(make_prompt_board):
    board = await make_prompt_board(settings=SLEEPY)
    await board.asleep()
    with pytest.raises(NoPromptError, match="press its reset button"):
        await at_prompt(board, lambda device: device.facts, within=1)


async def test_a_sleeping_board_is_caught_when_its_reset_button_is_pressed(make_prompt_board):
    board = await make_prompt_board(settings=SLEEPY)
    await board.asleep()
    # The wake after the reset is a long one.
    board.write_settings(**SLEEPY | {"deadline_ms": 60000, "ssid": "house"})
    board.write_world(wifi={"ssid": "house", "key": "", "associate_ms": 60000})
    asking = asyncio.create_task(at_prompt(board, lambda device: device.facts))
    async with asyncio.timeout(60):
        while not board.heard:
            await asyncio.sleep(0.01)
    board.press_reset()
    assert (await asking).settings["ssid"] == "house"


async def test_networks_of_any_name_are_heard_beside_those_that_are_no_text(make_prompt_board):
    name = "Café \"📶\" 'x' \\"
    board = await make_prompt_board(
        wifi={
            "ssid": name, "key": "rosebud 1941",
            "others": [
                {"hex": "466ffcdf65"}, {"hex": "f09f93"}, {"hex": "eda0bd"}, {"hex": "1b5b324a"},
                {"ssid": "ひ" * 10 + "ü", "rssi": -50, "security": 0},
            ],
        }
    )  # fmt: skip

    def ask():
        with Repl(board.port) as repl:
            device = SerialDevice(repl)
            heard = [(network.ssid, network.open) for network in device.networks()]
            device.join(Wifi(ssid=name, key="rosebud 1941"))
            with pytest.raises(WifiError, match="it wants a password, and none was given"):
                device.join(Wifi(ssid=name, key=""))
            device.configure({"ssid": name, "name": "🐿️"}, "")
            return heard

    assert await asyncio.to_thread(ask) == [("ひ" * 10 + "ü", True), (name, False)]
    assert board.settings == {"ssid": name, "name": "🐿️"}


async def test_a_name_that_leads_nowhere_is_told_from_a_hub_that_does_not_answer(make_prompt_board):
    board = await make_prompt_board()

    def ask():
        with Repl(board.port) as repl:
            device = SerialDevice(repl)
            device.join(Wifi(ssid="house", key="rosebud 1941"))
            said = []
            for host in ("no-such-hub.local", "no-such-hub.invalid", "127.0.0.1"):
                with pytest.raises(DeviceSaidError) as refused:
                    device.reach(HubEndpoint(host=host, port=1))
                said.append(str(refused.value))
            return said

    local, dns, number = await asyncio.to_thread(ask)
    assert local == "the device is on the network, but nobody there says to be no-such-hub.local"
    assert dns.endswith("but its name server knows no no-such-hub.invalid")
    assert "does not reach the hub at 127.0.0.1:1" in number
