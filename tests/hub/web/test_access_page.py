"""The page of broker accounts: what `dormouse devices` does, by hand of an administrator."""

from __future__ import annotations

import pytest
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.hub.web.devices import device
from tests.hub.web.pictures import picture
from tests.support.hub import until
from tests.support.publisher import Publisher, RefusedError

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = {"TemperatureSensor__CurrentTemperature": "20.5"}


async def menu(page, of: str, entry: str) -> None:
    """Choose from a line's menu; opened again where the line was made anew."""
    item = page.locator(".q-menu .q-item", has_text=entry)

    async def chosen() -> bool:
        try:
            if not await item.is_visible():
                button = page.get_by_role("button", name=f"Actions for {of}", exact=True)
                await button.press("Enter", timeout=2000)
            await item.press("Enter", timeout=2000)
        except PlaywrightTimeout:
            return False
        return True

    assert await until(chosen, limit_s=60)


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
