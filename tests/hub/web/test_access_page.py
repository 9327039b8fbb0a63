"""The page of broker accounts: what `dormouse devices` does, by hand of an administrator."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.hub.web.devices import device
from tests.hub.web.pictures import picture
from tests.support.hub import until
from tests.support.publisher import Publisher, RefusedError

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = {"TemperatureSensor__CurrentTemperature": "20.5"}


async def menu(page, of: str, entry: str) -> None:
    """Choose from a line's menu."""
    await page.get_by_role("button", name=f"Actions for {of}", exact=True).press("Enter")
    await page.locator(".q-menu .q-item", has_text=entry).press("Enter")


async def enrolled(web, name: str) -> None:
    """Another device joins: pages that list them follow."""
    one = Publisher(name, web.facts["mqtt_port"], web.facts["enrol_port"])
    await one.enrol()
    await one.close()


async def connects(one: Publisher) -> bool:
    try:
        await one.connect()
    except RefusedError:
        return False
    await one.close()
    return True


async def test_shut_out_let_in_and_given_another_password(web, open_browser):
    async with device(web, "lock_1", **SAID) as one, open_browser("ann") as page:
        await page.goto("/access")
        await menu(page, "lock_1", "Disable")
        await page.get_by_text("disabled").first.wait_for()
        again = Publisher("lock_1", one.port, one.enrol_port)
        again.password = one.password
        assert await until(lambda: _not(connects(again)))
        await menu(page, "lock_1", "Enable")
        assert await until(lambda: connects(again))
        await menu(page, "lock_1", "New password…")
        await page.get_by_role("alertdialog").get_by_role("button", name="New password").click()
        again.password = await page.get_by_test_id("secret").inner_text()
        assert again.password != one.password
        await picture(page, "access-secret")
        await page.get_by_role("button", name="Done").click()
        assert await until(lambda: connects(again))
        await page.get_by_test_id("secret").wait_for(state="detached")
        assert again.password not in await page.content()


async def test_a_menu_that_is_open_stays_while_other_devices_join(web, open_browser):
    await web.ask("POST", "/accounts/mine_1", json={})
    async with open_browser("ann") as page:
        await page.goto("/access")
        await page.wait_for_function("window.did_handshake")
        button = page.get_by_role("button", name="Actions for mine_1", exact=True)
        await button.hover()
        await page.mouse.down()
        await enrolled(web, "past_1")
        await page.get_by_text("past_1", exact=True).wait_for()
        await page.mouse.up()
        disable = page.locator(".q-menu .q-item", has_text="Disable")
        await disable.wait_for()
        await enrolled(web, "again_1")
        await page.get_by_text("again_1", exact=True).wait_for()
        await disable.click()
        line = page.locator(".dm-line", has_text="mine_1")
        await line.get_by_text("disabled").wait_for()
        # The newcomers stand where their names have their place.
        lines = page.locator(".dm-line").filter(has_text=re.compile("again_1|mine_1|past_1"))
        await expect(lines).to_have_text(
            [re.compile(name) for name in ("again_1", "mine_1", "past_1")]
        )


async def _not(asked) -> bool:
    return not await asked


async def test_an_account_by_hand_and_its_end(web, open_browser):
    async with open_browser("ann", phone=True, dark=True) as page:
        await page.goto("/access")
        for name in ("no such name!", "hub"):
            await page.get_by_role("button", name="New account…").click()
            await page.get_by_label("Name: a device's id").fill(name)
            await page.get_by_role("button", name="Create").click()
            alert = page.get_by_role("alert").get_by_text("cannot be an account")
            await alert.filter(has_text=name).wait_for()
        await page.get_by_role("button", name="New account…").click()
        await page.get_by_label("Name: a device's id").fill("viewer.phone")
        await page.get_by_role("button", name="Create").click()
        await page.get_by_test_id("secret").wait_for()
        await page.get_by_role("button", name="Done").click()
        await page.get_by_text("viewer.phone", exact=True).wait_for()
        await picture(page, "access-phone-dark")
        await menu(page, "viewer.phone", "Remove…")
        await page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
        await page.get_by_text("viewer.phone", exact=True).wait_for(state="detached")


async def test_a_successor_takes_a_devices_place(web, open_browser):
    async with (
        device(web, "worn_1", **SAID),
        device(web, "fresh_1", **SAID),
        open_browser("ann") as page,
    ):
        await page.goto("/access")
        await menu(page, "worn_1", "Replaced by…")
        await page.get_by_role("combobox", name="Its successor").click()
        await page.get_by_role("option", name="fresh_1").click()
        await page.get_by_role("button", name="Replace", exact=True).click()
        line = page.locator(".dm-line", has_text="worn_1")
        await line.get_by_text("disabled").wait_for()


async def test_a_calibration_goes_on_with_the_successor_where_that_is_wanted(
    web, ann, open_browser
):
    async with (
        device(web, "worn_2", **SAID),
        device(web, "fresh_2", **SAID),
        open_browser("ann") as page,
    ):
        (series,) = (await ann.get("/api/devices/worn_2/series")).json()
        body = {"series": series["series"], "offset": 3}
        assert (await ann.put("/api/calibrations", json=body)).status_code == 204
        await page.goto("/access")
        await menu(page, "worn_2", "Replaced by…")
        await page.get_by_role("combobox", name="Its successor").click()
        await page.get_by_role("option", name="fresh_2").click()
        await page.get_by_role("checkbox", name="Keep the old one's calibration").click()
        await page.get_by_role("button", name="Replace", exact=True).click()
        line = page.locator(".dm-line", has_text="worn_2")
        await line.get_by_text("disabled").wait_for()
        [held] = (await ann.get("/api/calibrations")).json()
        assert (held["series"][:8], held["offset"], held["until"]) == ("fresh_2/", 3, None)


async def test_another_tenants_accounts_are_not_there(web, open_browser):
    await web.ask("POST", "/accounts/theirs_1", params={"tenant": "beach"}, json={})
    async with open_browser("ann") as page:
        await page.goto("/access")
        await page.get_by_role("heading", name="Tools with read access").wait_for()
        assert "theirs_1" not in await page.content()
