"""What is attached to a device, changed over the air on its page, up to the device itself."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.hub.web.speakers import TEMPERATURE, device, tell
from tests.hub.web.test_device import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

BME280 = "BME280 (temperature, humidity, air pressure)"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


async def choose(page, dialog, field: str, option: str) -> None:
    """Take an option of a select in a dialog."""
    await dialog.get_by_role("combobox", name=field, exact=True).last.click()
    await page.get_by_role("option", name=option, exact=True).click()


async def test_another_list_of_sensors_is_asked_for_and_left_again(web, ann, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        report = {"firmware": "1.0.0", "board": "nodemcu", "next_wake_s": 300, "config": 0}
        await tell(made, "$report", report)
        async with open_browser("ann") as page:
            await opened(page, made.device, tab="/settings")
            card = page.get_by_role("region", name="Sensors")
            await expect(card).to_contain_text("Temperature")
            await expect(card).to_contain_text("known to the device alone")
            await card.get_by_role("button", name=f"Sensors{ELLIPSIS}").click()
            dialog = page.get_by_role("dialog")
            await expect(dialog).to_contain_text("name all that it has")
            await choose(page, dialog, "Add a sensor", BME280)
            await dialog.get_by_role("button", name="Change").click()
            await expect(dialog.get_by_role("alert")).to_contain_text("Pin of SCL, Pin of SDA")
            await choose(page, dialog, "Pin of SCL", "D1 (GPIO5)")
            await choose(page, dialog, "Pin of SDA", "D2 (GPIO4)")
            await choose(page, dialog, "Address", "0x77")
            await choose(page, dialog, "Add a sensor", "DS18B20 (temperature)")
            await choose(page, dialog, "Pin", "D2 (GPIO4)")
            await dialog.get_by_role("button", name="Change").click()
            await expect(dialog.get_by_role("alert")).to_contain_text("cannot both be there")
            await choose(page, dialog, "Pin", "D5 (GPIO14)")
            await dialog.get_by_role("button", name="Change").click()
            await expect(dialog).to_have_count(0)
            await expect(card).to_contain_text("SCL D1 (GPIO5), SDA D2 (GPIO4), Address 0x77")
            await expect(card.locator(".dm-pill")).to_contain_text("Waits for its wake")
            asked = (await ann.get(f"/api/devices/{made.device}/settings")).json()
            assert asked["desired"]["sensors"] == [
                {"driver": "bme280", "scl": 5, "sda": 4, "address": 0x77},
                {"driver": "ds18b20", "pin": 14},
            ]
            problem = "setting sensors: bme280: not found at 0x77 on D2/D1: wiring?"
            told = report | {"config": asked["version"], "problems": [problem]}
            await tell(made, "$report", told)
            await expect(card).to_contain_text("It kept the list it had")
            await expect(card.locator(".dm-pill")).to_have_count(0)
            # What is on the list is changed, and one is taken off.
            await card.get_by_role("button", name=f"Sensors{ELLIPSIS}").click()
            await expect(dialog).to_contain_text("tried at once")
            await dialog.get_by_role("button", name="Take DS18B20 (temperature) off").click()
            await choose(page, dialog, "Address", "as usual")
            await dialog.get_by_role("button", name="Change").click()
            await expect(card).not_to_contain_text("DS18B20")
            await expect(card).not_to_contain_text("0x77")
            await page.get_by_role("button", name="Undo").click()
            await expect(card).to_contain_text("DS18B20")
            await opened(page, made.device, tab="/changes")
            changes = page.get_by_role("region", name="Changes")
            undone = "Sensors: BME280, DS18B20, before BME280"
            await changes.get_by_text(undone, exact=True).wait_for()
            await changes.get_by_role("button", name=f"Undo: {undone}").click()
            await changes.get_by_text("Sensors: BME280, before BME280, DS18B20").first.wait_for()
        asked = (await ann.get(f"/api/devices/{made.device}/settings")).json()
        assert asked["desired"]["sensors"] == [{"driver": "bme280", "scl": 5, "sda": 4}]
        async with open_browser("rob") as page:
            await opened(page, made.device, tab="/settings")
            card = page.get_by_role("region", name="Sensors")
            await expect(card).to_contain_text("BME280")
            await expect(card.get_by_role("button")).to_have_count(0)


async def test_a_device_takes_up_what_its_page_asked_for_or_says_why_not(
    web, open_browser, make_twin
):
    """The real firmware: a list that works is stored on its flash, one that does not is refused."""
    twin = make_twin(TwinKind.DS18B20, HubAddress.of(web.facts), interval=5, pace=0.2)
    await twin.start()
    async with open_browser("ann") as page:
        await page.goto("/")
        await page.locator(f'[data-device="{twin.id}"]').get_by_text("°C").first.wait_for()
        await opened(page, twin.id, tab="/settings")
        card, dialog = page.get_by_role("region", name="Sensors"), page.get_by_role("dialog")
        await card.get_by_role("button", name=f"Sensors{ELLIPSIS}").click()
        await choose(page, dialog, "Add a sensor", "DS18B20 (temperature)")
        await choose(page, dialog, "Pin", "GPIO4")
        await dialog.get_by_role("button", name="Change").click()
        await expect(card.get_by_role("listitem")).to_have_text(["DS18B20 (temperature)GPIO4"])
        await expect(card.locator(".dm-pill")).to_have_count(0)
        await expect(card).not_to_contain_text("It kept")
        settings = json.loads((twin.flash / "settings.json").read_text())
        assert settings["sensors"] == [{"driver": "ds18b20", "pin": 4}]
        await card.get_by_role("button", name=f"Sensors{ELLIPSIS}").click()
        await choose(page, dialog, "Add a sensor", "BH1750 (light)")
        await choose(page, dialog, "Pin of SCL", "GPIO14")
        await choose(page, dialog, "Pin of SDA", "GPIO12")
        await dialog.get_by_role("button", name="Change").click()
        await expect(card).to_contain_text("It kept the list it had: setting sensors: bh1750")
    await twin.power_off()
