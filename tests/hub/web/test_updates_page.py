"""The pages of updates: firmware in, a plan, a rollout to real firmware, live to its end."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import expect

from contracts.ota import canned, protocol
from tests.hub.rollouts.conftest import Fleet
from tests.hub.web.devices import device
from tests.hub.web.pictures import picture
from tests.support.images import canned_image, plain_image

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPORT = {"firmware": "1.0.0", "board": "nodemcu", "boot": "00000001", "seq": 1,
          "battery_mv": 3000, "next_wake_s": 300}  # fmt: skip


def file(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


async def upload(page, name: str, data: bytes) -> None:
    async with page.expect_file_chooser() as chosen:
        await page.get_by_role("button", name="Add firmware").press("Enter")
    await (await chosen.value).set_files(file(name, data))


async def test_what_is_no_firmware_is_called_by_its_name(web, open_browser):
    async with open_browser("ann", phone=True) as page:
        await page.goto("/updates")
        await page.get_by_text("No firmware yet").wait_for()
        await upload(page, "<i>holiday.png", b"\x89PNG\r\n\x1a\n" + bytes(500))
        await page.get_by_text("<i>holiday.png was not added: it is a PNG picture.").wait_for()
        await picture(page, "updates-refused-phone")
        await upload(page, "firmware-ota.bin", plain_image())
        await page.get_by_text("an ESP8266 image").wait_for()
        await page.get_by_text("Sign it where your key is").wait_for()
    async with open_browser("ann", errors_allowed=True) as page:
        await page.goto("/updates")
        await page.get_by_text("No firmware yet").wait_for()
        # Refused in the browser: nothing is sent.
        await upload(page, "film.ota", bytes(3 * 2**20 + 1))
        await page.get_by_text("That file was not sent").wait_for()


async def test_a_reader_looks_and_starts_nothing(web, open_browser):
    async with open_browser("rob", errors_allowed=True) as page:
        await page.goto("/updates")
        await page.get_by_role("heading", name="Firmware").wait_for()
        await expect(page.locator("input[type=file]")).to_have_count(0)
        await expect(page.get_by_role("button", name="New rollout")).to_have_count(0)
        answer = await page.goto("/updates/new")
        assert answer.status == 403


async def test_a_rollout_that_is_gone_is_said(web, open_browser):
    async with open_browser("ann", errors_allowed=True) as page:
        for number in ("4711", "99999999999999999999", "x"):
            answer = await page.goto(f"/updates/{number}")
            assert answer.status in {404, 422}
            await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"\S"))


async def test_planned_paused_resumed_and_aborted_by_keyboard(web, open_browser):
    async with device(web, "board_1", TemperatureSensor__CurrentTemperature="20") as one:
        await one.send("HomeKit/board_1/$report", json.dumps(REPORT).encode(), tag=99)
        await one.drain()
        async with open_browser("ann", dark=True) as page:
            await page.goto("/updates")
            await upload(page, "nodemcu.ota", canned_image("2.0.0"))
            await page.get_by_role("button", name="Roll out 2.0.0 for nodemcu").press("Enter")
            await page.get_by_role("heading", name="New rollout").wait_for()
            await page.get_by_role("button", name="Preview").press("Enter")
            await page.get_by_text("1 device in 1 wave, done about").wait_for()
            await picture(page, "updates-plan-dark")
            # What was planned is what starts: another option asks for another plan.
            await page.get_by_text("These devices").click()
            await page.get_by_role("heading", name="Preview").wait_for(state="detached")
            await page.get_by_role("button", name="Preview").press("Enter")
            await page.get_by_text("There is no device to update").wait_for()
            await page.get_by_text("All devices", exact=True).click()
            await page.get_by_role("button", name="Preview").press("Enter")
            await page.get_by_role("button", name="Start rollout").press("Enter")
            await page.get_by_text("Running").wait_for()
            await page.get_by_text("waits for its next wake", exact=True).wait_for()
            await page.get_by_role("button", name="Pause").press("Enter")
            await page.get_by_text("Paused (by ann)").wait_for()
            await page.get_by_text("waits for its wave: the rollout is paused").wait_for()
            await page.get_by_role("button", name="Resume").press("Enter")
            await page.get_by_text("Running", exact=True).wait_for()
            await picture(page, "updates-running-dark")
            await page.get_by_role("button", name="Stop…").press("Enter")
            await page.get_by_role("alertdialog").wait_for()
            await page.get_by_role("button", name="Stop", exact=True).press("Enter")
            await page.get_by_text("Stopped (1 skipped)").wait_for()
            await page.get_by_role("button", name="History").click()
            await page.get_by_text("Running \N{RIGHTWARDS ARROW} Paused (by ann)").wait_for()
            await page.goto("/updates")
            await page.get_by_text("0 of 1 device updated, 1 skipped").wait_for()
            await page.get_by_role("button", name="Remove 2.0.0").press("Enter")
            await (
                page.get_by_role("alertdialog").get_by_role("button", name="Remove").press("Enter")
            )
            await page.get_by_text("No firmware yet").wait_for()


async def test_real_firmware_is_updated_and_the_page_follows(
    web, make_twin, updatable, open_browser, tmp_path
):
    fleet = Fleet(web, make_twin, updatable, tmp_path)
    twin = await fleet.twin()
    try:
        image = updatable.image("2.0.0")
        async with open_browser("ann", phone=True) as page:
            await page.goto("/updates")
            await upload(page, "twin.ota", canned.dump(protocol.build(image, updatable.key)))
            await page.get_by_role("button", name="Roll out 2.0.0 for twin").click()
            await page.get_by_text("These devices").click()
            await page.get_by_role("combobox", name="Devices").click()
            await page.get_by_role("option").filter(has_text=twin.id).click()
            await page.keyboard.press("Escape")
            await page.get_by_text("Options", exact=True).click()
            await page.get_by_label("Reports of the new version").fill("0")
            await page.get_by_role("button", name="Preview").click()
            await page.get_by_text("1 device in 1 wave").wait_for()
            await picture(page, "updates-plan-phone")
            await page.get_by_role("button", name="Start rollout").click()
            await page.get_by_text("1 of 1 device updated").wait_for(timeout=60_000)
            await page.get_by_text("Done (1 updated)").wait_for()
            await picture(page, "updates-done-phone")
    finally:
        await twin.stop()
