"""What a person changes of a device where it is seen: on its own page."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.hub.web.speakers import TEMPERATURE, call_it, device, tell
from tests.hub.web.test_device import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_it_is_renamed_moved_and_asked_for_another_interval_where_one_sees_it(
    web, open_browser
):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await tell(made, "$report", {"firmware": "1.0.0", "next_wake_s": 300})
        await call_it(web, made.device, "Shelf", "Barn", "Loft")
        async with open_browser("ann") as page:
            await opened(page, made.device, tab="/settings")
            named = page.get_by_role("region", name="Name and place")
            await named.get_by_role("button", name="Rename").click()
            dialog = page.get_by_role("dialog")
            await dialog.get_by_label("Name").fill("Top shelf")
            await dialog.get_by_role("button", name="Rename").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Top shelf")
            await page.wait_for_function("window.did_handshake")
            await page.get_by_role("button", name="Move\N{HORIZONTAL ELLIPSIS}", exact=True).click()
            await dialog.get_by_role("combobox", name="Place").click()
            await page.get_by_role("option", name="Barn", exact=True).click()
            await dialog.get_by_role("button", name="Move").click()
            await expect(page.locator(".dm-crumbs")).to_contain_text("Barn")
            await expect(page.locator(".dm-crumbs")).not_to_contain_text("Loft")
            await page.wait_for_function("window.did_handshake")
            await page.get_by_role("button", name="Interval\N{HORIZONTAL ELLIPSIS}").click()
            await dialog.get_by_role("combobox", name="Interval").click()
            await page.get_by_role("option", name="every 15 min").click()
            await dialog.get_by_role("button", name="Change").click()
            # It sleeps: what is asked of it is not what it does yet.
            await page.get_by_text("Asked for every 15 min").wait_for()
            await page.locator(".dm-pill").get_by_text("5 min until").wait_for()
        async with open_browser("rob") as page:
            await opened(page, made.device, tab="/settings")
            await expect(page.get_by_role("heading", level=1)).to_have_text("Top shelf")
            await expect(page.get_by_role("button", name="Rename")).to_have_count(0)


async def test_what_will_be_unusual_is_muted_ahead_and_told_again(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await tell(made, "HumiditySensor/CurrentRelativeHumidity", 50)
        async with open_browser("ann") as page:
            await opened(page, made.device, tab="/settings")
            card = page.get_by_role("region", name="Unusual values")
            line = card.get_by_role("listitem").filter(has_text="Temperature")
            await expect(line).to_contain_text("told when it is unusual")
            await line.get_by_role("button", name="Mute Temperature").click()
            await page.get_by_text("a week", exact=True).click()
            await expect(line).to_contain_text("muted until")
            await card.get_by_role("button", name="Mute all that will be unusual").click()
            await page.get_by_text("for good", exact=True).click()
            await expect(card.get_by_text("muted for good")).to_have_count(2)
            await page.get_by_role("button", name="Undo").click()
            await expect(line).to_contain_text("muted until")
            await expect(card.get_by_text("muted for good")).to_have_count(0)
            async with open_browser("rob") as reader:
                await opened(reader, made.device, tab="/settings")
                seen = reader.get_by_role("region", name="Unusual values")
                await expect(seen).to_contain_text("muted until")
                await expect(seen.get_by_role("button")).to_have_count(0)
            await line.get_by_role("button", name="Unmute Temperature").click()
            await expect(line).to_contain_text("told when it is unusual")
