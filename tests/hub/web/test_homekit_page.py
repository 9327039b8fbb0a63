"""The page of Apple Home, with a real controller that pairs by the code on it."""

from __future__ import annotations

import asyncio

import pytest
from aiohomekit.protocol.tlv import TLV
from playwright.async_api import expect

from hub.homekit.pair_setup import MAX_FAILURES
from tests.hub.homekit.test_pairing import NO_PROOF, Line
from tests.hub.web.devices import device
from tests.hub.web.pictures import picture
from tests.support.controller import Phone
from tests.support.hub import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The second service waits for its main characteristic: it is held back.
SAID = {
    "AccessoryInformation__Name": "Larder",
    "HumiditySensor__StatusLowBattery": "0",
    "TemperatureSensor__CurrentTemperature": "7.5",
}


async def test_a_code_is_shown_a_pairing_appears_and_is_removed(web, open_browser):
    async with device(web, "larder_1", **SAID), open_browser("ann") as page:
        await page.goto("/homekit")
        await page.get_by_role("img", name="QR code").wait_for()
        code = await page.get_by_test_id("code").inner_text()
        await page.get_by_role("link", name="Larder").wait_for()
        held = page.get_by_text("Humidity sensor: waits for CurrentRelativeHumidity")
        await held.wait_for()
        await picture(page, "homekit")
        async with await Phone.pair("127.0.0.1", web.facts["hap_port"], code):
            # By itself, on the open page.
            await page.get_by_text("1 controller is paired.").wait_for()
            remove = page.get_by_role("button", name="Remove", exact=False).first
            await remove.focus()
            await page.keyboard.press("Enter")
            await page.get_by_text("It is the last one").wait_for()
            await (
                page.get_by_role("alertdialog").get_by_role("button", name="Remove").press("Enter")
            )
            await page.get_by_text("Not paired.").wait_for()


async def test_a_device_is_taken_out_on_a_phone(web, open_browser):
    async with (
        device(web, "larder_2", **{**SAID, "AccessoryInformation__Name": "Pantry"}),
        open_browser("ann", phone=True, dark=True) as page,
    ):
        await page.goto("/homekit")
        await page.get_by_role("button", name="Remove Pantry from Apple Home").click()
        await page.get_by_text("It comes back by itself").wait_for()
        await picture(page, "homekit-phone-dark")
        await page.get_by_role("button", name="Remove", exact=True).click()
        await page.get_by_role("link", name="Pantry").wait_for(state="detached")


async def test_a_bridge_that_was_told_a_hundred_wrong_codes_is_unlocked(web, open_browser):
    # From ten places: one alone is made to wait.
    for number in range(10):
        here = (f"127.0.0.{number + 2}", 0)
        line = Line(
            *await asyncio.open_connection("127.0.0.1", web.facts["hap_port"], local_addr=here)
        )
        for _ in range(MAX_FAILURES // 10):
            for step in ([(TLV.kTLVType_State, TLV.M1)], NO_PROOF):
                await line.post("/pair-setup", TLV.encode_list(step))
        line.close()
    async with open_browser("ann") as page:
        await page.goto("/homekit")
        locked = page.get_by_text("Locked after 100 wrong codes")
        await locked.wait_for()
        await page.get_by_role("button", name="Unlock").click()
        await locked.wait_for(state="detached")


async def test_a_reader_sees_what_is_shown_and_no_code(web, open_browser):
    async with open_browser("rob") as page:
        await page.goto("/homekit")
        await page.get_by_text("An administrator sees the code here.").wait_for()
        await page.get_by_role("heading", name="Not shown in Apple Home").wait_for()
        await expect(page.get_by_test_id("code")).to_have_count(0)
        assert web.facts["pairing_code"] not in await page.content()
        await expect(page.get_by_role("button", name="Remove")).to_have_count(0)


async def test_another_tenant_sees_its_own_only(web, open_browser):
    async with open_browser("eve") as page:
        await page.goto("/homekit")
        await page.get_by_role("heading", name="Apple Home", exact=True).wait_for()
        await until(lambda: _settled(page))
        assert "larder" not in await page.content()


async def _settled(page) -> bool:
    return await page.evaluate("window.did_handshake === true")
