"""The page of places, by mouse, by keyboard and on a phone."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.hub.web.devices import device
from tests.hub.web.pictures import picture
from tests.support.hub import rows, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

READING = {"TemperatureSensor__CurrentTemperature": "20.5"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sensor(web):
    """A device that has said something."""
    async with device(web, "probe_1", **READING):
        yield "probe_1"


async def where(web, key: str) -> str | None:
    found = await rows(
        web,
        """SELECT p.name FROM dormouse.device d LEFT JOIN dormouse.place p ON p.id = d.location_id
           WHERE d.key = %s""",
        key,
    )
    return found[0][0]


async def within(web, place: str) -> str | None:
    found = await rows(
        web,
        """SELECT a.name FROM dormouse.place p LEFT JOIN dormouse.place a ON a.id = p.parent_id
           WHERE p.name = %s""",
        place,
    )
    return found[0][0] if found else None


async def make(page, name: str) -> None:
    await page.get_by_role("button", name="New place", exact=True).click()
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_role("button", name="Create").click()
    await page.get_by_text(name, exact=True).wait_for()


async def shown_within(page, place: str, what: str) -> None:
    """Wait until the page has caught up: what is grabbed or opened before is made anew."""
    branch = page.locator("li").filter(has=page.get_by_text(place, exact=True)).last
    await branch.get_by_text(what, exact=True).wait_for()


async def menu(page, of: str, entry: str) -> None:
    await page.get_by_role("button", name=f"Actions for {of}", exact=True).click()
    await (
        page.get_by_role("menuitem", name=entry)
        .or_(page.locator(".q-menu .q-item").get_by_text(entry))
        .first.click()
    )


async def test_by_mouse_places_and_devices_are_dragged(web, sensor, open_browser):
    async with open_browser("ann") as page:
        await page.goto("/places")
        await make(page, "House")
        await make(page, "Kitchen")
        house = page.get_by_text("House", exact=True)
        await page.get_by_text("Kitchen", exact=True).drag_to(house)
        assert await until(lambda: within(web, "Kitchen")) == "House"
        await shown_within(page, "House", "Kitchen")
        await page.get_by_text(sensor, exact=True).drag_to(page.get_by_text("Kitchen", exact=True))
        assert await until(lambda: where(web, sensor)) == "Kitchen"
        await shown_within(page, "Kitchen", sensor)
        await page.get_by_text("Every device has its place.").wait_for()
        await picture(page, "places")
        # A place cannot come to lie in itself; the page says so and nothing changes.
        await house.drag_to(page.get_by_text("Kitchen", exact=True))
        await page.get_by_text("A place cannot be moved into one that lies within it.").wait_for()
        assert await within(web, "House") is None


async def test_what_somebody_else_changes_appears(web, sensor, open_browser):
    async with open_browser("rob") as looking, open_browser("ann") as page:
        await looking.goto("/places")
        await looking.get_by_text("In no place").wait_for()
        await page.goto("/places")
        await make(page, "Shed")
        await looking.get_by_text("Shed", exact=True).wait_for()
        await expect(looking.get_by_role("button", name="New place")).to_have_count(0)


async def test_by_keyboard_a_device_is_moved_and_a_place_removed(web, sensor, open_browser):
    async with open_browser("ann") as page:
        await page.goto("/places")
        await make(page, "Cellar")
        await page.get_by_role("button", name=f"Actions for {sensor}").focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("ArrowDown")
        move = page.locator(".q-menu .q-item", has_text="Move to…")
        await move.focus()
        await page.keyboard.press("Enter")
        place = page.get_by_role("combobox", name="Place")
        await place.focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("option", name="Cellar").wait_for()
        await page.keyboard.type("Cellar")
        # What is typed leads to it.
        at = page.locator(".q-manual-focusable--focused", has_text="Cellar")
        await expect(at).to_have_count(1)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("option")).to_have_count(0)
        await expect(place).to_have_value("Cellar")
        await page.get_by_role("button", name="Move", exact=True).focus()
        await page.keyboard.press("Enter")
        assert await until(lambda: _is(where(web, sensor), "Cellar"))


async def _is(asked, wanted) -> bool:
    return await asked == wanted


async def test_on_a_phone_a_branch_is_renamed_and_removed_and_what_goes_is_said(
    web, sensor, open_browser
):
    async with open_browser("ann", phone=True, dark=True) as page:
        await page.goto("/places")
        await make(page, "Annex")
        await make(page, "Hut")
        await menu(page, "Annex", "New place within")
        await page.get_by_label("Name", exact=True).fill("Loft")
        await page.get_by_role("button", name="Create").click()
        await shown_within(page, "Annex", "Loft")
        await menu(page, sensor, "Move to…")
        await page.get_by_role("combobox", name="Place").click()
        await page.get_by_role("option", name="Annex / Loft").click()
        await page.get_by_role("button", name="Move", exact=True).click()
        assert await until(lambda: _is(where(web, sensor), "Loft"))
        await shown_within(page, "Loft", sensor)
        await page.get_by_text("Every device has its place.").wait_for()
        await menu(page, "Annex", "Rename")
        await page.get_by_label("Name", exact=True).fill("Hut")
        await page.get_by_role("button", name="Rename", exact=True).click()
        await page.get_by_text("There is a place of that name already.").wait_for()
        await menu(page, "Annex", "Remove")
        await page.get_by_text("1 place within it would go as well.").wait_for()
        await page.get_by_text("1 device is there now").wait_for()
        await page.get_by_text("would be deleted").wait_for()
        await picture(page, "places-remove-phone-dark")
        await page.get_by_role("button", name="Remove", exact=True).click()
        await page.get_by_text("Annex", exact=True).wait_for(state="detached")
        assert await where(web, sensor) is None
        assert await rows(web, "SELECT count(*) FROM dormouse.reading") == [(1,)]


async def test_a_move_that_happened_earlier_is_told_by_when_it_happened(web, ann, open_browser):
    async with device(web, "probe_2", **READING), open_browser("ann") as page:
        await page.goto("/places")
        await make(page, "Barn")
        await make(page, "Byre")

        async def move(place, since):
            await menu(page, "probe_2", "Move to…")
            await page.get_by_role("combobox", name="Place").click()
            await page.get_by_role("option", name=place, exact=True).click()
            await page.get_by_label("Since (empty: now)").fill(since)
            await page.get_by_role("button", name="Move", exact=True).click()

        await move("Barn", "2026-03-01T10:00")
        await shown_within(page, "Barn", "probe_2")
        await move("Byre", "2026-04-01T12:30")
        await shown_within(page, "Byre", "probe_2")
        # It is known to be in the byre: what overlaps with that is refused in words.
        await move("Barn", "2026-03-20T00:00")
        refused = page.get_by_role("alert").get_by_text("probe_2 is known to be in Byre from")
        await refused.wait_for()
        stays = (await ann.get("/api/devices/probe_2/placements")).json()
        assert [(s["place_path"], s["since"], s["until"]) for s in stays] == [
            (["Barn"], "2026-03-01T10:00:00Z", "2026-04-01T12:30:00Z"),
            (["Byre"], "2026-04-01T12:30:00Z", None),
        ]
        # That move itself happened earlier.
        await move("Byre", "2026-03-20T00:00")
        await refused.wait_for(state="detached")

        async def is_moved() -> bool:
            stays = (await ann.get("/api/devices/probe_2/placements")).json()
            return [s["since"][:10] for s in stays] == ["2026-03-01", "2026-03-20"]

        await until(is_moved)
        await page.goto("/devices/probe_2/changes")
        where = page.locator(".dm-where")
        await where.get_by_text("Barn: from 2026-03-01 10:00 until 2026-03-20 00:00").wait_for()


async def test_a_zone_is_set_and_of_a_time_that_comes_twice_it_is_asked_which(
    web, ann, open_browser
):
    async with device(web, "probe_3", **READING), open_browser("ann") as page:
        await page.goto("/places")
        await make(page, "Mill")

        async def zone(name):
            chosen = page.get_by_role("combobox", name="Zone")
            await chosen.fill(name)
            await page.get_by_role("option", name=name, exact=True).click()
            await page.get_by_role("button", name="Use it").click()

        await page.get_by_role("button", name="Time zone…").click()
        await zone("Europe/Berlin")
        await page.get_by_text("Times are those of Europe/Berlin.").wait_for()
        await menu(page, "Mill", "Time zone…")
        await zone("Asia/Kathmandu")
        await shown_within(page, "Mill", "Asia/Kathmandu")
        # What is typed on a page is by the clock that the page names.
        for since, said in (("2026-03-29T02:30", "does not exist"), ("2026-10-25T02:30", "")):
            await menu(page, "probe_3", "Move to…")
            await page.get_by_role("combobox", name="Place").click()
            await page.get_by_role("option", name="Mill", exact=True).click()
            await page.get_by_label("Since (empty: now)").fill(since)
            await page.get_by_role("button", name="Move", exact=True).click()
            if said:
                await page.get_by_role("alert").get_by_text(said).wait_for()
        await page.get_by_text("comes twice in Europe/Berlin").wait_for()
        await page.get_by_role("combobox", name="Meant is").click()
        await page.get_by_role("option", name="the second one (+01:00)").click()
        await page.get_by_role("button", name="Go on").click()
        await shown_within(page, "Mill", "probe_3")
        [stay] = (await ann.get("/api/devices/probe_3/placements")).json()
        assert stay["since"] == "2026-10-25T01:30:00Z"
        # The device's page is by the clock of its place, and says so once.
        await page.goto("/devices/probe_3/changes")
        await page.locator(".dm-where").get_by_text("Mill: from 2026-10-25 07:15 on").wait_for()
        await expect(page.get_by_text("Asia/Kathmandu")).to_have_count(1)
        await expect(page.get_by_text("UTC")).to_have_count(0)
    await ann.put("/api/zone", json={"zone": None})
