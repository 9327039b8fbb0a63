"""The home page over what is usual: shaded, told in few words, muted and told again; its forms."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.hub.web.examined import findings, violations
from tests.hub.web.furnished import FIRST, month
from tests.hub.web.pictures import picture
from tests.hub.web.speakers import TEMPERATURE, call_it, device, tell

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOMS = [f"10{n} Class {n}" for n in range(1, 9)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def school(web):
    """A floor of eight rooms and one with a month behind it, which is far too warm today."""
    await month(web, FIRST)
    async with device(web, FIRST) as warm:
        for value in (35, 36, 37):
            await tell(warm, TEMPERATURE, value)
    for n, room in enumerate(ROOMS):
        async with device(web, f"room_{n}") as one:
            await tell(one, TEMPERATURE, 19 + n / 4)
            await tell(one, "HumiditySensor/CurrentRelativeHumidity", 40 + n)
        await call_it(web, f"room_{n}", room, "First floor")
    await call_it(web, FIRST, "207 Geography", "Second floor")


async def home(page):
    await page.goto("/")
    await page.wait_for_function("window.did_handshake")
    await page.locator(f'[data-device="{FIRST}"] path.line').wait_for(state="attached")


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_what_is_usual_is_shaded_and_what_is_not_is_told_in_few_words(open_browser, phone):
    async with open_browser("rob", phone=phone, dark=phone) as page:
        await home(page)
        warm = page.locator(f'[data-device="{FIRST}"]')
        # Drawn within its box, as an area.
        area = re.compile("^M.*Z$", re.DOTALL)
        await expect(warm.locator("path.usual")).to_have_attribute("d", area)
        await expect(warm).to_contain_text("Usual ")
        await expect(warm).not_to_contain_text("at this hour")
        await expect(page.locator(".dm-problems")).to_contain_text("at this hour")
        # Who may only look has nothing to mute.
        await expect(page.get_by_role("button", name="Mute")).to_have_count(0)
        found = await violations(page)
        assert not found, [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
        await picture(page, f"home-usual-{'phone-dark' if phone else 'desktop-light'}")


async def test_what_is_unusual_is_muted_by_keyboard_undone_and_unmuted(open_browser):
    async with open_browser("ann") as page:
        await home(page)
        line = page.locator(".dm-problems li", has_text="207 Geography")
        warm = page.locator(f'[data-device="{FIRST}"]')
        for undone in (True, False):
            await line.get_by_role("link").focus()
            await page.keyboard.press("m")
            await page.get_by_role("menuitem", name="For a day").press("Enter")
            await expect(warm).to_contain_text("muted")
            await expect(warm).not_to_contain_text("Usual ")
            await expect(line).to_have_count(0)
            if undone:
                await page.get_by_role("button", name="Undo").click()
                await expect(line).to_be_visible()
        # Another page knows, and there it is told of again.
        await home(page)
        await page.get_by_role("button", name="1 muted").click()
        await page.get_by_role("button", name="Unmute 207 Geography").click()
        await expect(warm).to_contain_text("Usual ")


async def test_a_devices_chart_shades_what_is_usual_and_obeys_keys(open_browser):
    async with open_browser("ann") as page:
        await page.goto(f"/devices/{FIRST}")
        await page.wait_for_function("window.did_handshake && window.socket.connected")
        await expect(page.get_by_text("grey: usual for the hour")).to_be_visible()
        await page.locator("#content").focus()
        await page.keyboard.press("3")
        week = page.get_by_role("button", name="Week", exact=True)
        await expect(week).to_have_attribute("aria-pressed", "true")
        await expect(page).to_have_url(re.compile("span=week"))
        shown = page.locator(".dm-tools .dm-strong")
        await expect(shown).to_have_text(re.compile("now$"))
        await page.keyboard.press("[")
        await expect(shown).not_to_have_text(re.compile("now$"))
        await page.keyboard.press("]")
        await expect(shown).to_have_text(re.compile("now$"))
        await page.keyboard.press("m")
        await expect(page.get_by_text("a week", exact=True)).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_text("a week", exact=True)).to_have_count(0)
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog").get_by_text("On this page")).to_be_visible()
        assert await findings(Axe(), page) == []


async def test_form_value_and_filter_are_kept_and_facts_filter(open_browser):
    async with open_browser("ann", phone=False) as page:
        await home(page)
        await page.get_by_role("button", name="Table").click()
        table = page.locator(".dm-grid").first
        await expect(table.get_by_role("row", name=ROOMS[0])).to_contain_text("40.0 %")
        await page.get_by_role("button", name="Humidity").click()
        await page.reload()
        await expect(page.locator(".dm-grid").first).to_be_visible()
        await expect(page.get_by_role("button", name="Humidity")).to_have_attribute(
            "aria-pressed", "true"
        )
        found = await violations(page)
        assert not found, [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
        await picture(page, "home-table-desktop-light")
        await page.get_by_role("button", name="Tiles").click()
        await page.get_by_role("button", name="Attention").click()
        await expect(page.locator(".dm-tile")).to_have_count(1)
        await page.get_by_role("button", name="All", exact=False).first.click()
        await expect(page.locator(".dm-tile")).to_have_count(len(ROOMS) + 1)


async def test_arrows_go_from_tile_to_tile(open_browser):
    async with open_browser("rob") as page:
        await home(page)
        at = page.locator(":focus .dm-name")
        await page.locator('[data-device="room_0"]').focus()
        await page.keyboard.press("ArrowRight")
        await expect(at).to_have_text(ROOMS[1])
        await page.keyboard.press("ArrowDown")
        for room in ROOMS[:2]:
            await expect(at).not_to_have_text(room)
        below = await at.inner_text()
        await page.keyboard.press("ArrowUp")
        await expect(at).not_to_have_text(below)


async def test_nothing_moves_under_the_pointer(web, open_browser):
    async with device(web, "lab") as lab, device(web, "newcomer") as new:
        await tell(lab, TEMPERATURE, 18)
        await call_it(web, "lab", "109 Lab", "First floor")
        async with open_browser("rob") as page:
            await home(page)
            names = page.locator(".dm-name")
            await page.locator('[data-device="lab"]').hover()
            before = await names.all_inner_texts()
            await tell(new, TEMPERATURE, 4)
            await call_it(web, "newcomer", "100 Porter", "First floor")
            moved = page.get_by_role("button", name="moved")
            await expect(moved).to_be_visible()
            await expect(names).to_have_text(before)
            # What it shows is live all the same.
            await tell(lab, TEMPERATURE, 31)
            await expect(page.locator('[data-device="lab"]')).to_contain_text("31.0 °C")
            await expect(names).to_have_text(before)
            await moved.click()
            await expect(page.locator('[data-device="newcomer"]')).to_be_visible()
            await expect(moved).to_have_count(0)
