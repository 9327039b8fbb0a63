"""How a device that was given no address, or a name, gets to its hub."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random

import pytest
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncZeroconf

from host.twin.vm import ASLEEP, RESET, Cause
from hub.mqtt.announcement import announced
from tests.firmware.portal import opened
from tests.support.air import air

KEY = "the key of it"


@contextlib.asynccontextmanager
async def announcing(medium, *services):
    """These are announced on the loopback interface, as a hub does it, and can be heard."""
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    try:
        for service in services:
            medium.heard.add(service.server.encode())
            info = service.info(["127.0.0.1"])
            await zeroconf.async_register_service(info, cooperating_responders=True)
        yield
    finally:
        await zeroconf.async_close()


def service(**ports):
    identity = random.SystemRandom().randbytes(6).hex(":")
    return announced(identity, "attic-pi.home.arpa", {"mqtt": 2883, "enrol": 2884, **ports})


@pytest.fixture
async def medium():
    async with air() as made:
        yield made


@pytest.fixture
def bare(make_board, medium):
    board = make_board(ssid="", key="", host="")
    board.world["wifi"]["key"] = KEY
    board.world["net"] = {"mdns": medium.port, "names": {"hub.lan": "10.0.0.7"}}
    return board


def settings(board) -> dict:
    return json.loads((board.folder / "flash" / "settings.json").read_text())


async def test_the_hub_of_the_network_is_found_with_its_ports(bare, medium):
    ours = service()
    async with announcing(medium, ours), opened(bare) as phone:
        await phone.submit(net="dormouse", key=KEY)
        text = await phone.page(having='id="done"')
        assert f"{ours.server}.local" in text
        async with asyncio.timeout(60):
            assert await phone.process.wait() == RESET
    kept = settings(bare)
    assert (kept["host"], kept["port"]) == (f"{ours.server}.local", 2883)
    assert kept["enrol_port"] == 2884


async def test_of_several_hubs_one_is_chosen_and_wins_over_what_was_typed(bare, medium):
    one, other = service(), service(mqtt=3883, enrol=3884)
    async with announcing(medium, one, other), opened(bare) as phone:
        await phone.submit(net="dormouse", key=KEY)
        text = await phone.page(having="Several hubs answer in dormouse")
        assert f"{one.server}.local" in text
        assert f"{other.server}.local" in text
        before, _, _ = text.partition(f"{other.server}.local")
        number = before.count('name="hub"') - 1
        # The password was right: it need not be typed again.
        assert KEY not in text
        await phone.submit(net="dormouse", hub=str(number), host="typed.before")
        await phone.page(having='id="done"')
    kept = settings(bare)
    assert (kept["host"], kept["port"]) == (f"{other.server}.local", 3883)
    assert (kept["enrol_port"], kept["key"]) == (3884, KEY)


async def test_where_no_hub_answers_its_address_is_asked_for(bare, medium):
    async with opened(bare) as phone:
        before = settings(bare)
        await phone.submit(net="dormouse", key=KEY)
        text = await phone.page(having="dormouse was joined, but no hub answers there.")
        assert 'value="dormouse" checked' in text
        assert settings(bare) == before
        assert medium.asked > 1
        await phone.submit(net="dormouse", host="10.0.0.7")
        await phone.page(having='id="done"')
    assert (settings(bare)["host"], settings(bare)["key"]) == ("10.0.0.7", KEY)


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("no-such-hub.local", "nobody there says to be no-such-hub.local"),
        ("no-such-hub.lan", "its name server does not know no-such-hub.lan"),
    ],
)
async def test_a_name_that_leads_nowhere_is_refused_with_its_reason(bare, host, problem):
    bare.world["net"]["names"] = {}
    async with opened(bare) as phone:
        before = settings(bare)
        await phone.submit(net="dormouse", key=KEY, host=host)
        text = await phone.page(having=problem)
        assert f'value="{host}"' in text
        assert settings(bare) == before


async def test_names_are_kept_as_they_were_typed(bare, medium):
    ours = service()
    async with announcing(medium, ours):
        typed = ours.server.upper() + ".local"
        for host in ("hub.lan", typed):
            bare.settings = {"sensors": []}
            async with opened(bare) as phone:
                await phone.submit(net="dormouse", key=KEY, host=host)
                await phone.page(having='id="done"')
            assert settings(bare)["host"] == host


async def test_a_wake_asks_for_the_name_once(make_board, admit, ears, medium):
    ours = service()
    board = await admit(make_board(host=f"{ours.server}.local"))
    board.world["net"] = {"mdns": medium.port}
    async with announcing(medium, ours):
        assert (await board.wake(Cause.POWER)).status == ASLEEP
        asked = medium.asked
        assert asked
        assert (await board.wake()).status == ASLEEP
        assert medium.asked == asked
        await ears.mark()
        assert len(ears.reports(board)) == 2
    # It moved, or is away: the name is asked for again, in a wake that ends in time.
    board.settings["port"] = 1
    for _ in range(2):
        ended = await board.wake()
        assert ended.status == ASLEEP
        assert "Traceback" not in ended.console
    assert medium.asked > asked
    assert "nobody says to be" in ended.console
