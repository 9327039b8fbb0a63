"""Attributes on a device's page, searches over them, all tenants at once, drafts of a wizard."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]


async def test_what_is_noted_on_the_devices_page_is_found_on_the_search_page(open_browser, rob):
    async with open_browser("ann") as page:
        await page.goto("/devices/h1/settings")
        noted = page.get_by_role("region", name="Attributes")
        await noted.get_by_label("Attribute").fill("room")
        await noted.get_by_label("Value").fill("<b>attic")
        await noted.get_by_role("button", name="Note").click()
        await noted.get_by_text("<b>attic").wait_for()
        await noted.get_by_label("Attribute").fill("replacements")
        await noted.get_by_role("button", name="Note").click()
        await noted.get_by_text("the hub itself keeps that").wait_for()
        assert (await rob.get("/api/devices/h1")).json()["attributes"] == {"room": "<b>attic"}

        await page.goto("/search")
        await page.get_by_label("Condition", exact=True).fill("$.room <")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_text("is no jsonpath").wait_for()
        await page.get_by_label("Condition", exact=True).fill('$.room == "<b>attic"')
        await page.get_by_label("Condition", exact=True).press("Enter")
        await page.get_by_text("1 found.").wait_for()
        await page.get_by_text("h1 · room: <b>attic").wait_for()
        await page.get_by_label("Save the condition as").fill("Up there")
        await page.get_by_text("for everybody").click()
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("button", name="Remove Up there").wait_for()
    async with open_browser("rob", phone=True) as page:
        await page.goto("/search")
        await expect(page.get_by_role("button", name="Use Up there")).to_be_visible()
        await expect(page.get_by_role("button", name="Remove Up there")).to_have_count(0)
        await page.get_by_role("button", name="Use Up there").click()
        await page.get_by_text("1 found.").wait_for()


async def test_who_belongs_to_several_tenants_sees_all_their_devices(open_browser):
    async with open_browser("rob") as page:
        await page.goto("/account")
        await expect(page.get_by_text("You are rob, reader of home.")).to_be_visible()
        await expect(page.get_by_role("combobox", name="Tenant")).to_have_count(0)
        await page.goto("/everywhere")
        await page.get_by_role("heading", name="home", level=2).wait_for()
        await expect(page.get_by_role("heading", level=2)).to_have_count(1)
    async with open_browser("max") as page:
        await page.goto("/account")
        await page.wait_for_function("window.did_handshake")
        await page.get_by_role("combobox", name="Tenant").click()
        await page.get_by_role("option", name="All tenants").click()
        await page.get_by_role("heading", name="beach", level=2).wait_for()
        await page.get_by_role("heading", name="home", level=2).wait_for()
        await page.get_by_label("Only those where").fill("$.battery_mv > 9000")
        await page.get_by_role("button", name="Show").click()
        await page.get_by_text("0 devices").wait_for()
        await page.get_by_label("Only those where").fill("$.battery_mv == 2900")
        await page.get_by_role("button", name="Show").click()
        await page.get_by_text("2 devices").wait_for()
        # It looks at beach; the way to a device of home leads there.
        await page.get_by_role("link", name="h1").first.click()
        await page.get_by_role("region", name="Newest values").wait_for()


async def test_a_wizard_has_drafts_under_names(web, open_browser):
    await web.ask("POST", "/accounts/esp8266_00d1af75", json={})
    async with open_browser("ann") as page:
        await page.goto("/add")
        await page.get_by_role("button", name="New draft").click()
        await page.get_by_label("Name of the draft").fill("Shed & <b>")
        await page.get_by_role("button", name="Begin").click()
        await page.get_by_text("This is Shed & <b>.").wait_for()
        await page.get_by_text("esp8266_00d1af75 was approved").wait_for()
        await page.get_by_role("button", name="Use this device").click()
        await page.get_by_text("Step 2 of").wait_for()
        await page.goto("/add")
        await page.get_by_text("Step 1 of").wait_for()
        await page.get_by_role("button", name="Continue Shed & <b>").click()
        await page.get_by_text("Step 2 of").wait_for()
        await page.get_by_role("button", name="Name this draft").click()
        await page.get_by_label("Draft", exact=True).fill("Loft")
        await page.get_by_role("button", name="Use this name").click()
        await page.get_by_text("This is Loft.").wait_for()
        await page.get_by_text("Step 2 of").wait_for()
    async with open_browser("ann", phone=True) as page:
        await page.goto("/add")
        await page.get_by_role("button", name="Remove Loft").click()
        await page.get_by_role("button", name="Remove", exact=True).click()
        await page.get_by_role("button", name="Continue Loft").wait_for(state="detached")
