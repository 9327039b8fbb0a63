"""What people come for, done in a browser and counted: clicks, and characters that are typed.

docs/hub.md has the numbers; a page that asks for more, or less, than they say fails here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.hub.web.furnished import FIRST, furnish
from tests.hub.web.speakers import TEMPERATURE, device, tell
from tests.hub.web.test_every_page import READY

pytestmark = pytest.mark.asyncio(loop_scope="module")

HUB = Path(__file__).parents[3] / "docs" / "hub.md"
ATTIC = "esp8266_000facade"


@dataclass
class Counted:
    """A page, with what was done on it."""

    page: Page
    clicks: int = 0
    typed: int = 0

    async def click(self, what: Locator) -> None:
        """One click, or tap."""
        await what.click()
        self.clicks += 1

    async def type(self, where: Locator, text: str) -> None:
        """Type into a field that is in sight: one click to get there, and its characters."""
        await where.fill(text)
        self.clicks += 1
        self.typed += len(text)

    async def choose(self, field: str, option: str) -> None:
        """An option of a select: opened, chosen."""
        await self.click(self.page.get_by_role("combobox", name=field).first)
        await self.click(self.page.get_by_role("option", name=option).first)

    async def goes_to(self, what: Locator, path: str) -> None:
        """A link, or what leads to another page, which is waited for."""
        await self.click(what)
        await self.page.wait_for_url(path)
        await self.page.wait_for_function(READY)


def documented() -> dict[str, tuple[int, int]]:
    """Clicks and characters by task, as the page for users has them."""
    table = HUB.read_text().partition("| task | clicks | characters typed |")[2]
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \|", table.partition("\n\n")[0], re.MULTILINE)
    return {name.strip(): (int(clicks), int(typed)) for name, clicks, typed in rows}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(web, ann) -> dict[str, str]:
    """A home that is lived in."""
    return await furnish(web, ann)


@pytest_asyncio.fixture(loop_scope="module")
async def at_home(home, open_browser) -> AsyncIterator[Counted]:
    """Every task begins on the home page."""
    async with open_browser("ann") as page:
        await page.goto("/")
        await page.wait_for_function(READY)
        yield Counted(page)


def as_told(task: str, done: Counted) -> None:
    assert documented()[task] == (done.clicks, done.typed)


async def test_add_a_device(at_home, web):
    do, page = at_home, at_home.page
    await do.goes_to(page.get_by_role("link", name="Add device").first, "**/add")
    await page.get_by_role("heading", name="Scan the label").wait_for()
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20.5)
        await page.get_by_role("heading", name="It is on its way").wait_for()
        await page.get_by_text("20.5").first.wait_for()
        await do.click(page.get_by_role("button", name="Next"))
        await do.click(page.get_by_text("House", exact=True))
        await do.click(page.get_by_role("button", name="Save"))
        await page.get_by_text("is set up.").wait_for()
    as_told("Add a device that is in the WiFi already", do)


async def test_rename_and_move_one(at_home):
    do, page = at_home, at_home.page
    await do.goes_to(page.locator(f'a[href="/devices/{ATTIC}"]').first, f"**/{ATTIC}")
    await do.click(page.get_by_role("button", name="Rename"))
    dialog = page.get_by_role("dialog")
    await do.type(dialog.get_by_label("Name"), "Pantry")
    await do.click(dialog.get_by_role("button", name="Rename"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Pantry")
    await page.wait_for_function(READY)
    await do.goes_to(page.get_by_role("link", name="Settings", exact=True), "**/settings")
    await do.click(page.get_by_role("button", name="Move\N{HORIZONTAL ELLIPSIS}", exact=True))
    await do.choose("Place", "Garden")
    await do.click(dialog.get_by_role("button", name="Move"))
    await expect(page.locator(".dm-crumbs")).to_contain_text("Garden")
    as_told("Rename one and move it", do)


async def test_see_why_one_is_silent(at_home, web):
    do, page = at_home, at_home.page
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await tell(made, "$online", 0)
        line = page.locator(f'.dm-problems a[href="/devices/{made.device}"]')
        await do.goes_to(line, f"**/{made.device}")
        await expect(page.locator(".dm-said-why")).to_contain_text("offline")
    as_told("See why one is silent", do)


async def test_compare_two_rooms_over_a_year(at_home):
    do, page = at_home, at_home.page
    await do.goes_to(page.locator(f'a[href="/devices/{FIRST}"]').first, f"**/{FIRST}")
    await do.click(page.get_by_role("button", name="Year", exact=True))
    await do.choose("Shown series", "Greenhouse, Temperature")
    await expect(page.get_by_role("region", name="Readings")).to_contain_text("Greenhouse")
    as_told("Compare two rooms over a year", do)


async def test_roll_out_to_a_floor(at_home):
    do, page = at_home, at_home.page
    await do.goes_to(page.get_by_role("link", name="Updates").first, "**/updates")
    await do.goes_to(page.get_by_role("button", name="New rollout"), "**/updates/new")
    await do.click(page.get_by_text("Devices of a place"))
    await do.choose("Place", "Ground floor")
    await do.click(page.get_by_role("button", name="Preview"))
    await do.click(page.get_by_role("button", name="Start rollout"))
    await page.wait_for_url(re.compile(r"/updates/\d+$"))
    as_told("Roll out to a floor", do)


async def test_be_told_of_frost(at_home, ann):
    do, page = at_home, at_home.page
    await do.goes_to(page.get_by_role("link", name="Notifications").first, "**/notifications")
    await do.choose("Side", "below")
    await do.type(page.get_by_label("Limit"), "0")
    await do.click(page.get_by_role("button", name="Save"))
    await page.get_by_role("button", name="Change the rule Temperature below 0").wait_for()
    as_told("Be told of frost", do)
