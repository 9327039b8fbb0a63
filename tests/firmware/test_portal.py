"""The portal as the firmware serves it: captive detectors, the form, trials, and what follows."""

from __future__ import annotations

import asyncio
import json
import re
import struct

import pytest

from contracts.portal_network import network_name
from host.twin.vm import ASLEEP, RESET, Cause
from tests.firmware.portal import OURS, kept_settings, opened

# What asks whether this is the Internet, as each system does.
DETECTORS = {
    "iOS": ("captive.apple.com", "/hotspot-detect.html", "CaptiveNetworkSupport-443 wispr"),
    "macOS": ("www.apple.com", "/library/test/success.html", "CaptiveNetworkSupport-443 wispr"),
    "Android": ("connectivitycheck.gstatic.com", "/generate_204", "Dalvik/2.1.0"),
    "Android, fallback": ("www.google.com", "/gen_204", "Dalvik/2.1.0"),
    "Windows": ("www.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI"),
    "Windows, before 10": ("www.msftncsi.com", "/ncsi.txt", "Microsoft NCSI"),
    "Firefox": ("detectportal.firefox.com", "/canonical.html", "Mozilla/5.0 Firefox/140.0"),
}


def query(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    return b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + labels + struct.pack(">BHH", 0, kind, 1)


@pytest.mark.parametrize("system", DETECTORS)
async def test_every_captive_detector_is_led_to_the_portal(bare, system):
    host, path, agent = DETECTORS[system]
    async with opened(bare) as phone:
        reply = await phone.resolve(query(host))
        assert reply[:2] == b"\x12\x34"
        assert reply[-4:] == bytes(map(int, OURS.split(".")))
        answer = await phone.get(path, host, agent)
        assert (answer.status, answer.head["location"]) == (302, f"http://{OURS}/")
        page = await phone.get()
        assert page.status == 200
        assert "Set up this sensor" in page.text
        assert "<script" not in page.text


async def test_names_have_our_address_and_nothing_else(bare):
    async with opened(bare) as phone:
        aaaa = await phone.resolve(query("example.org", 28))
        assert struct.unpack_from(">HHHH", aaaa, 4) == (1, 0, 0, 0)
        assert aaaa[3] & 15 == 0
        # With more in it than a question, as resolvers send.
        edns = (
            query("example.org")[:10]
            + b"\0\1"
            + query("example.org")[12:]
            + b"\0\0\x29"
            + b"\0" * 8
        )
        assert struct.unpack_from(">HHHH", await phone.resolve(edns), 4) == (1, 1, 0, 0)


async def test_its_network_has_a_password_of_its_own_that_stays(bare, make_board):
    async with opened(bare):
        kept = json.loads((bare.folder / "sdk.json").read_text())["point"]
        first = bare.flash_writes
    assert kept["ssid"] == network_name(bare.id) == f"dormouse-{bare.chip >> 8:06x}"
    assert re.fullmatch("[a-zA-Z2-9]{10}", kept["key"])
    assert kept["security"] == 3
    said = await bare.wake(typed="from dormouse import identity; print(*identity.access_point())")
    assert said.console.split() == [kept["ssid"], kept["key"], "True"]
    async with opened(bare) as phone:
        assert kept["key"] not in phone.console
        assert json.loads((bare.folder / "sdk.json").read_text())["point"] == kept
        assert bare.flash_writes == first
    other = make_board(ssid="")
    async with opened(other):
        pass
    assert json.loads((other.folder / "sdk.json").read_text())["point"]["key"] != kept["key"]


async def test_a_password_that_was_printed_before_is_the_one_on_the_air(bare):
    said = await bare.wake(typed="from dormouse import identity; print(identity.access_point()[1])")
    async with opened(bare):
        kept = json.loads((bare.folder / "sdk.json").read_text())["point"]
    assert kept["key"] == said.console.strip()


async def test_networks_are_listed_by_strength_as_text(bare):
    async with opened(bare) as phone:
        text = (await phone.get()).text
    names = re.findall(r'name="net" value="([^"]*)"', text)
    assert names == ["café", "dormouse", "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"]
    assert "café <small>-50 dBm, without a password" in text
    assert "dormouse <small>-60 dBm<" in text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"host": "10.0.0.1"}, "Choose a WiFi network"),
        ({"ssid": "x" * 33, "host": "10.0.0.1"}, "at most 32 bytes"),
        ({"ssid": "é" * 17, "host": "10.0.0.1"}, "at most 32 bytes"),
        ({"ssid": "x\ny", "host": "10.0.0.1"}, "at most 32 bytes"),
        ({"net": "x", "key": "short", "host": "10.0.0.1"}, "8 to 63 characters"),
        ({"net": "x", "key": "g" * 64, "host": "10.0.0.1"}, "8 to 63 characters"),
        ({"net": "x", "key": "pässwörter", "host": "10.0.0.1"}, "8 to 63 characters"),
        ({"net": "dormouse"}, "dormouse wants its password."),
        ({"net": "café", "key": "long enough"}, "café is open: it has no password."),
        ({"net": "x", "host": "0.0.0.0"}, "The hub&#39;s address is not valid"),
        ({"net": "x", "host": "224.0.0.251"}, "The hub&#39;s address is not valid"),
        ({"net": "x", "host": "hub:1883"}, "The hub&#39;s address is not valid"),
        ({"net": "x", "host": "hub", "place": "p" * 65}, "A place has at most 64 characters"),
        ({"net": "x", "host": "hub", "place": "House //"}, "A place is like Kitchen"),
        ({"net": "x", "host": "10.0.0.256"}, "The hub&#39;s address is not valid"),
        ({"net": "x", "host": "10.0.1"}, "The hub&#39;s address is not valid"),
        ({"net": "x", "host": "http://hub/"}, "The hub&#39;s address is not valid"),
        ({"net": "x", "host": "-hub"}, "The hub&#39;s address is not valid"),
        ({"net": "x", "host": "hub", "name": "n" * 65}, "at most 64 characters"),
        ({"net": "x", "host": "hub", "name": "a\x00b"}, "at most 64 characters"),
    ],
)
async def test_what_cannot_be_right_is_said_and_not_tried(bare, fields, problem):
    async with opened(bare) as phone:
        before = bare.flash_writes
        answer = await phone.submit(**fields)
        assert answer.status == 200
        assert problem in answer.text
        if "key" in fields:
            assert fields["key"] not in answer.text
        assert bare.flash_writes == before
        if len(fields.get("name", "")) == 65:
            assert f'name="name" maxlength="64" value="{"n" * 65}"' in answer.text


async def test_wrong_credentials_come_back_three_times_with_the_reason(bare):
    async with opened(bare) as phone:
        for key in ("wrong password", "another wrong one", "a third one"):
            answer = await phone.submit(
                net="dormouse", key=key, host="10.0.0.1", name="Loft", plain="1"
            )
            assert answer.status == 302
            assert "Trying to join dormouse" in (await phone.get()).text
            text = await phone.page(having="The password of dormouse is wrong.")
            assert key not in text
            assert 'value="dormouse" checked' in text
            assert 'value="10.0.0.1"' in text
            assert 'value="Loft"' in text
            assert 'name="plain" value="1" checked' in text
        await phone.submit(ssid="no such network", key="wrong password", host="10.0.0.1")
        text = await phone.page(having="The network no such network was not found.")
        assert 'name="ssid" maxlength="32" value="no such network"' in text
        assert kept_settings(bare) == bare.settings


async def test_a_network_without_an_address_is_said(bare):
    bare.world["wifi"] |= {"key": "the key of it", "dhcp_ms": 600_000}
    shorter = "from dormouse.portal import join; join.JOIN_MS = 1500; import main"
    async with opened(bare, typed=shorter) as phone:
        await phone.submit(net="dormouse", key="the key of it", host="10.0.0.1")
        await phone.page(having="The network dormouse gave no address")
        assert kept_settings(bare) == bare.settings


async def test_what_is_right_is_kept_at_once_and_restarts_the_device(bare):
    bare.world["wifi"]["key"] = "the key of it"
    bare.world["net"] = {"names": {"hub.lan": "10.0.0.7"}}
    async with opened(bare) as phone:
        before = bare.flash_writes
        await phone.submit(
            net="dormouse", key="the key of it", host=" hub.lan ", name="Füße & <Söhne>", plain="1"
        )
        text = await phone.page(having='id="done"')
        assert "the key of it" not in text
        async with asyncio.timeout(60):
            assert await phone.process.wait() == RESET
    # The SDK's credentials, our settings, and the access point's end.
    assert bare.flash_writes == before + 3
    kept = kept_settings(bare)
    assert kept["ssid"] == "dormouse"
    assert kept["key"] == "the key of it"
    assert kept["host"] == "hub.lan"
    assert kept["name"] == "Füße & <Söhne>"
    assert kept["plain"] is True
    sdk = json.loads((bare.folder / "sdk.json").read_text())
    assert not sdk["ap"]
    assert not list((bare.folder / "flash").glob("*.new"))


async def test_without_a_new_password_the_known_one_is_tried(make_board):
    board = make_board(key="the key of it", name="Loft")
    board.world["wifi"]["key"] = "the key of it"
    board.world["pins"] = {"0": 0}
    assert (await board.wake(Cause.POWER)).status == RESET
    async with opened(board, Cause.SOFT) as phone:
        text = (await phone.get()).text
        assert 'value="dormouse" checked' in text
        assert 'value="Loft"' in text
        assert "the key of it" not in text
        await phone.submit(net="dormouse", key="", host="127.0.0.2")
        await phone.page(having='id="done"')
    assert kept_settings(board)["key"] == "the key of it"
    assert kept_settings(board)["host"] == "127.0.0.2"


IDLE = "from dormouse import portal; portal.IDLE_MS = 400; portal.UNATTENDED_MS = 100; import main"


async def test_nobody_there_without_settings_it_sleeps_longer_each_time(bare):
    hours = []
    for life in range(7):
        cause = Cause.DEEPSLEEP if life else Cause.POWER
        wake = await bare.wake(cause, typed=IDLE)
        slept = wake.sleep_us / 3.6e9
        while int.from_bytes(bare.rtc[28:32], "little"):
            # A link of a chain: longer sleeps than the chip can count.
            wake = await bare.wake(typed=IDLE)
            slept += wake.sleep_us / 3.6e9
        assert wake.status == ASLEEP
        hours.append(round(slept, 2))
    assert hours == [1, 2, 4, 8, 16, 24, 24]


async def test_nobody_there_the_old_settings_are_tried(make_board, admit, ears):
    board = await admit(make_board())
    await board.wake(Cause.POWER)
    board.world["pins"] = {"0": 0}
    assert (await board.wake(Cause.HARD)).status == RESET
    board.world["pins"] = {}
    wake = await board.wake(Cause.SOFT, typed=IDLE)
    assert wake.status == ASLEEP, wake.console
    assert 290e6 < wake.sleep_us <= 300e6
    await board.wake()
    await ears.mark()
    assert len(ears.reports(board)) >= 3


@pytest.mark.parametrize("tried", ["dormouse", "guests"])
async def test_after_a_failed_trial_the_old_network_is_joined_again(make_board, admit, ears, tried):
    board = await admit(make_board(key="the key of it"))
    board.world["wifi"] |= {"key": "the key of it", "others": [{"ssid": "guests"}]}
    await board.wake(Cause.POWER)
    board.world["pins"] = {"0": 0}
    assert (await board.wake(Cause.HARD)).status == RESET
    board.world["pins"] = {}
    idle = IDLE.replace("400", "3000")
    async with opened(board, Cause.SOFT, typed=idle) as phone, asyncio.timeout(40):
        await phone.submit(net=tried, key="not the key", host="127.0.0.1")
        await phone.page(having=f"network {tried} was not" if tried == "guests" else "is wrong")
        assert await phone.process.wait() == ASLEEP
    assert kept_settings(board) == board.settings
    before = len(ears.reports(board))
    await board.wake()
    await ears.mark()
    assert len(ears.reports(board)) == before + 1


async def test_detectors_in_a_pocket_do_not_keep_it_awake(bare):
    async with opened(bare, typed=IDLE) as phone, asyncio.timeout(60):
        while phone.process.returncode is None:
            try:
                answer = await phone.get("/generate_204", "connectivitycheck.gstatic.com")
            except OSError:
                break
            assert answer.status in {0, 302}
        assert await phone.process.wait() == ASLEEP


async def test_a_button_pressed_for_a_moment_is_no_wish(make_board):
    board = make_board(port=1, deadline_ms=1500)
    board.world["pins"] = {"0": 0}
    process = await board.start(Cause.POWER)
    async with asyncio.timeout(60):
        # The first wake is under way: it turns the radio on.
        while not (board.folder / "sdk.json").exists():
            await asyncio.sleep(0.01)
        board.world["pins"] = {}
        board.provision()
        assert await process.wait() == ASLEEP
    assert "portal" not in (board.folder / "console").read_text()


async def test_the_button_of_a_switch_opens_it(make_board):
    board = make_board(switch={"relay": 12, "button": 0, "led": 13}, sensors=[], port=1)
    board.world["pins"] = {"0": 0}
    assert (await board.wake(Cause.POWER)).status == RESET
    async with opened(board, Cause.SOFT) as phone:
        assert (await phone.get()).status == 200


async def test_a_button_is_seen_though_the_wake_broke_off(make_board):
    board = make_board(port=1)
    board.world["pins"] = {"0": 0}
    broken = "from dormouse import wake; wake.run = None; import main"
    wake = await board.wake(Cause.POWER, typed=broken)
    assert wake.status == RESET, wake.console
    assert "TypeError" in wake.console
    board.world["pins"] = {}
    async with opened(board, Cause.SOFT) as phone:
        assert (await phone.get()).status == 200


async def test_a_prompt_is_a_key_away(bare):
    """What is set up over USB interrupts it."""
    async with opened(bare) as phone:
        phone.process.send_signal(2)
        async with asyncio.timeout(60):
            assert await phone.process.wait() not in {ASLEEP, RESET}
        assert "KeyboardInterrupt" in phone.console
        (bare.folder / "console").write_text("")
