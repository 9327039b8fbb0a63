"""What a person picks and types in the portal: networks of any name, sensors, passwords."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from host.twin.vm import ASLEEP, RESET, Cause
from tests.firmware.portal import kept_settings, opened

# The name takes all of its 32 bytes, or is hard on whoever quotes, escapes or counts characters.
NAMES = ["📶" * 8, "Café \"Füße\" & 'Söhne' \\", " home ", "<b>;:,%00+", "ひ" * 10 + "ü"]


@pytest.mark.parametrize("ssid", NAMES)
async def test_a_network_of_any_name_is_joined_and_found_again(make_board, admit, ears, ssid):
    board = await admit(make_board(ssid="", key="", host=""))
    board.world["wifi"] |= {
        "ssid": ssid, "key": "the key of it",
        # Latin-1, cut UTF-8, half a surrogate pair: neighbours that are no text.
        "others": [{"hex": "466ffcdf65"}, {"hex": "f09f93"}, {"hex": "eda0bd"}, {"hex": "00" * 32}],
    }  # fmt: skip
    async with opened(board) as phone:
        await phone.get()
        name = ssid * 2
        await phone.submit(net=ssid, key="the key of it", host="127.0.0.1", name=name, place=ssid)
        await phone.page(having='id="done"')
        async with asyncio.timeout(60):
            assert await phone.process.wait() == RESET
    board.settings = kept_settings(board)
    assert (board.settings["ssid"], board.settings["name"]) == (ssid, name.strip())
    writes = board.flash_writes
    # The next wake, and one after a power cut, find the SDK's credentials to be these.
    for cause in (Cause.SOFT, Cause.DEEPSLEEP, Cause.POWER):
        if cause is Cause.POWER:
            board.rtc = b""
        ended = await board.wake(cause)
        assert ended.status == ASLEEP, ended.console
    await ears.mark()
    reports = ears.reports(board)
    assert len(reports) == 3
    assert reports[0].raw["place"] == ssid.strip()
    assert "place" not in reports[1].raw
    assert ears.payloads(board.topic + "AccessoryInformation/Name")[0].decode() == name.strip()
    assert board.flash_writes <= writes + 1  # the device's own password, where it was not made yet


async def test_json_that_writes_a_character_as_two_halves_is_understood(make_board, admit, ears):
    """As Python's json does unless it is told otherwise."""
    board = await admit(make_board(ssid="📶", name="🐿️ nest"))
    board.world["wifi"]["ssid"] = "📶"
    board.provision()
    halves = json.dumps(board.settings)
    assert "\\ud83d" in halves
    # As an editor on Windows begins it. The board writes its settings at each start of its own.
    (board.folder / "flash" / "halves.json").write_text("\ufeff" + halves)
    typed = "import os; os.rename('halves.json', 'settings.json'); import main"
    assert (await board.wake(Cause.POWER, typed=typed)).status == ASLEEP
    await ears.say(
        board, "$config", {"version": 2, "wifi": {"ssid": "📡 attic", "key": "12345678"}}
    )
    assert (await board.wake()).status == ASLEEP
    trial = json.loads((board.folder / "flash" / "wifi.json").read_text())
    assert trial["ssid"] == "📡 attic"
    await ears.mark()
    names = ears.payloads(board.topic + "AccessoryInformation/Name")
    assert {name.decode() for name in names} == {"🐿️ nest"}
    assert not any("problems" in one.raw for one in ears.reports(board))


async def test_sensors_on_the_pins_are_offered_and_those_chosen_are_kept(bare):
    bare.settings["sensors"] = []
    bare.world["wifi"]["key"] = "the key of it"
    bare.world["onewire_pin"] = 14
    async with opened(bare) as phone:
        text = (await phone.get()).text
        offered = re.findall(r'name="sensor" value="(\d+)"( checked)?> ([^<]*)<', text)
        assert offered == [
            ("0", " checked", "bme280 at 0x76 on D2/D1 (GPIO4/GPIO5)"),
            ("1", " checked", "ds18b20 on D5 (GPIO14), 28ff641e8d3c0cda"),
        ]
        wrong = {"net": "dormouse", "key": "short", "host": "10.0.0.7", "sensors": "1"}
        text = (await phone.submit(**wrong, sensor="1")).text
        # What was chosen is there again.
        assert re.findall(r'name="sensor" value="(\d+)" checked', text) == ["1"]
        await phone.submit(**wrong | {"key": "the key of it"}, sensor="1", place="House / Attic")
        await phone.page(having='id="done"')
    kept = kept_settings(bare)
    assert kept["sensors"] == [{"driver": "ds18b20", "pin": 14, "rom": "28ff641e8d3c0cda"}]
    assert kept["place"] == "House / Attic"


async def test_on_a_device_that_has_its_list_others_are_offered_beside_it(make_board):
    own = [{"driver": "ds18b20", "pin": 14}, {"driver": "dht22", "pin": 12}]
    board = make_board(ssid="", sensors=own)
    board.world["onewire_pin"] = 14
    async with opened(board) as phone:
        text = (await phone.get()).text
    offered = re.findall(r'name="sensor" value="\d+"( checked)?> (\w+)', text)
    assert offered == [(" checked", "ds18b20"), (" checked", "dht22"), ("", "bme280")]


async def test_what_is_picked_counts_more_than_what_was_typed_before(bare):
    bare.world["wifi"]["key"] = "the key of it"
    async with opened(bare) as phone:
        await phone.submit(ssid="no such network", key="wrong password", host="10.0.0.1")
        await phone.page(having="The network no such network was not found.")
        # The page has it in its field still, as a browser then sends it.
        await phone.submit(
            net="dormouse", ssid="no such network", key="the key of it", host="10.0.0.1"
        )
        await phone.page(having='id="done"')
    assert kept_settings(bare)["ssid"] == "dormouse"


async def test_a_network_that_is_not_in_the_list_and_wants_a_password(bare):
    bare.world["wifi"] |= {"ssid": "attic", "key": "the key of it", "hidden": True}
    async with opened(bare) as phone:
        await phone.submit(ssid="attic", host="10.0.0.1")
        await phone.page(having="attic wants its password.")
        await phone.submit(ssid="cellar", host="10.0.0.1")
        await phone.page(having="No open network cellar was found: if it has a password, type it.")
