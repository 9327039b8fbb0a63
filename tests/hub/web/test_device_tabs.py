"""A device's page in its four tabs: each with an address, as the design draws it, for everybody."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.hub.web.examined import fits, violations
from tests.hub.web.furnished import FIRST, furnish
from tests.hub.web.pictures import picture
from tests.hub.web.test_every_page import DRAWN, IN_COLOUR, READY

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABS = {"": "Readings", "/health": "Health", "/changes": "Changes", "/settings": "Settings"}


async def test_each_tab_has_an_address_and_is_without_findings(web, ann, open_browser):
    """Of any level; light and dark, on a desk and on a phone; no wider than the screen."""
    await furnish(web, ann)
    wrong: list[str] = []
    axe = Axe()
    for phone in (False, True):
        size = "phone" if phone else "desktop"
        async with open_browser("ann", phone=phone) as page:
            for path, title in TABS.items():
                await page.goto(f"/devices/{FIRST}{path}")
                await page.wait_for_function(READY)
                if title in {"Readings", "Health"}:
                    await page.wait_for_selector("[data-drawn]")
                here = page.get_by_role("navigation", name="Device").locator("[aria-current=page]")
                await expect(here).to_have_text(title)
                for colour in ("light", "dark"):
                    await page.emulate_media(color_scheme=colour)
                    await page.wait_for_function(DRAWN)
                    await page.wait_for_function(IN_COLOUR, arg=colour)
                    await picture(page, f"device-{title.lower()}-{size}-{colour}")
                    found = await violations(page, axe)
                    wrong += [
                        f"{title}, {size}, {colour}: {one['id']}: {node['html'][:150]}"
                        for one in found
                        for node in one["nodes"][:3]
                    ]
                await fits(page)
                await page.emulate_media(color_scheme="light")
            await page.get_by_role("link", name="Health", exact=True).click()
            await page.wait_for_url(f"**/devices/{FIRST}/health")
            facts = page.get_by_role("region", name="Health")
            await expect(facts).to_contain_text("2.40 V")
            await expect(facts).to_contain_text("Good")
            await expect(facts).to_contain_text("\N{MINUS SIGN}61 dBm")
    assert not wrong, "\n".join(wrong)
