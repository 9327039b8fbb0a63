"""`?` shows the keyboard shortcuts on every page, and gives the focus back."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.hub.web.examined import findings
from tests.hub.web.pictures import picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = ("/", "/devices", "/notifications", "/updates", "/system", "/add", "/account")


async def test_a_question_mark_lists_the_keys_wherever_one_is(open_browser):
    async with open_browser("ann") as page:
        for path in PAGES:
            await page.goto(path)
            await page.wait_for_function("!!window.dormouse?.shortcuts && !!window.dormouse.find")
            await page.locator("#content").focus()
            await page.keyboard.press("?")
            keys = page.get_by_role("dialog", name="Keyboard shortcuts")
            await expect(keys.get_by_text("Find a room, a device or a page")).to_be_visible()
            await page.keyboard.press("Escape")
            await expect(keys).to_have_count(0)
            await expect(page.locator("#content")).to_be_focused()
        # In a field it is a letter like others.
        await page.get_by_label("Current password").press("?")
        await expect(page.get_by_label("Current password")).to_have_value("?")
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_it_is_in_the_account_menu_too_and_readable_in_the_dark(open_browser):
    async with open_browser("rob", phone=True, dark=True) as page:
        await page.goto("/account")
        await page.wait_for_function("window.did_handshake && window.socket.connected")
        await page.get_by_role("button", name="Account").click()
        await page.get_by_text("Keyboard shortcuts").click()
        await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        await picture(page, "shortcuts-phone-dark")
        assert await findings(Axe(), page) == []
