"""The table of devices: its lines and filters, and what is done with several at once."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.hub.web.examined import fits, violations
from tests.hub.web.pictures import picture
from tests.hub.web.speakers import TEMPERATURE, call_it, device, tell
from tests.support.hub import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOMS = ["Hall", "Kitchen", "Library"]
WIFI = {"Hall": (-55, "good"), "Kitchen": (-75, "fair"), "Library": (-88, "weak")}


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def house(web):
    """Three rooms on one floor, one of them with older firmware; another floor with one."""
    for n, room in enumerate(ROOMS):
        async with device(web, f"room_{n}") as one:
            await tell(one, TEMPERATURE, 19 + n)
            report = {"firmware": "1.3.0" if n else "1.4.0", "board": "nodemcu", "seq": 1,
                      "boot": "00000001", "rssi": WIFI[room][0], "next_wake_s": 300,
                      "battery_mv": 2950}  # fmt: skip
            await tell(one, "$report", report)
        await call_it(web, f"room_{n}", room, "House", "Ground floor")
    async with device(web, "attic") as one:
        await tell(one, TEMPERATURE, 9)
    await call_it(web, "attic", "Box room", "House", "Attic")


async def table(page, path: str = "/devices"):
    await page.goto(path)
    await page.wait_for_function("window.did_handshake")
    await page.locator('[data-device="room_0"] path.line').wait_for(state="attached")


def row(page, name: str):
    return page.locator(".dm-table tbody tr", has_text=name)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_lines_wifi_and_filters(open_browser, phone):
    async with open_browser("ann", phone=phone, dark=phone) as page:
        await table(page)
        if not phone:
            for room, (_, words) in WIFI.items():
                await expect(row(page, room)).to_contain_text(words)
        await page.get_by_role("button", name="Old firmware 2").click()
        await expect(row(page, "Hall")).to_have_count(0)
        await page.get_by_role("button", name="Weak WiFi 1").click()
        await expect(row(page, "Library")).to_be_visible()
        await expect(row(page, "Kitchen")).to_have_count(0)
        chips = page.get_by_role("group", name="Filter")
        await chips.get_by_role("button", name="All 4").click()
        await page.get_by_label("Choose Kitchen").check()
        await expect(page.locator(".dm-bulk")).to_contain_text("1 chosen")
        found = await violations(page)
        assert not found, [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
        await fits(page)
        await picture(page, f"devices-chosen-{'phone-dark' if phone else 'desktop-light'}")


async def test_who_may_only_look_chooses_nothing(open_browser):
    async with open_browser("rob") as page:
        await table(page)
        await expect(page.get_by_role("checkbox")).to_have_count(0)
        await expect(page.locator("tr[draggable=true]")).to_have_count(0)


async def test_several_are_moved_and_moved_back(open_browser):
    async with open_browser("ann") as page:
        await table(page)
        for room in ("Hall", "Kitchen"):
            await page.get_by_label(f"Choose {room}").check()
        await page.get_by_role("button", name="Move…").press("Enter")
        await page.get_by_role("combobox", name="Place").click()
        await page.get_by_role("option", name="House / Attic").click()
        await page.get_by_role("button", name="Move", exact=True).press("Enter")
        await expect(row(page, "Hall")).to_contain_text("Attic")
        await expect(row(page, "Kitchen")).to_contain_text("Attic")
        await page.get_by_text("2 devices moved to Attic.").wait_for()
        await page.get_by_role("button", name="Undo").click()
        await expect(row(page, "Hall")).to_contain_text("Ground floor")
        await expect(row(page, "Kitchen")).to_contain_text("Ground floor")


async def test_a_row_is_dragged_to_a_place_with_the_chosen_ones(open_browser):
    async with open_browser("ann") as page:
        await table(page)
        for room in ("Hall", "Library"):
            await page.get_by_label(f"Choose {room}").check()
        await row(page, "Library").drag_to(page.get_by_role("button", name="Attic"))
        await expect(row(page, "Hall")).to_contain_text("Attic")
        await expect(row(page, "Library")).to_contain_text("Attic")
        await expect(row(page, "Kitchen")).to_contain_text("Ground floor")
        await page.get_by_role("button", name="Undo").click()
        await expect(row(page, "Library")).to_contain_text("Ground floor")


async def test_an_interval_is_asked_of_several_and_taken_back(web, open_browser):
    async with open_browser("ann") as page:
        await table(page)
        await page.get_by_label("Choose all").check()
        await page.get_by_label("Choose Box room").uncheck()
        await page.get_by_role("button", name="Interval…").click()
        await page.get_by_role("combobox", name="Interval").click()
        await page.get_by_role("option", name="every 15 min").click()
        await page.get_by_role("button", name="Change").click()
        await page.get_by_text("3 devices asked to measure every 15 min").wait_for()
        wanted = await web.ask("GET", "/devices/room_0/settings")
        assert wanted["desired"]["interval"] == 900
        await page.get_by_role("button", name="Undo").click()

        async def is_taken_back() -> bool:
            wanted = await web.ask("GET", "/devices/room_0/settings")
            return wanted["desired"].get("interval") is None

        await until(is_taken_back)


async def test_the_chosen_ones_are_those_of_a_rollout_to_be(open_browser):
    async with open_browser("ann") as page:
        await table(page)
        for room in ("Hall", "Kitchen"):
            await page.get_by_label(f"Choose {room}").check()
        await page.get_by_role("button", name="Update…").click()
        await page.get_by_role("heading", name="New rollout").wait_for()
        # Without firmware a setting can be rolled out.
        await page.get_by_role("button", name="Preview").click()
        await page.get_by_text("2 devices in 2 waves").wait_for()
        await page.get_by_role("button", name="Start rollout").click()
        await page.get_by_role("heading", name="Waves").wait_for()
        await expect(page.locator(".dm-waves li")).to_have_count(2)
        await expect(page.locator(".dm-waves .waiting").first).to_be_visible()
        await page.get_by_role("button", name="Pause").click()
        await page.get_by_text("Nothing is sent until somebody presses Resume.").wait_for()
        found = await violations(page)
        assert not found, [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
        await picture(page, "rollout-paused-desktop-light")
        await page.get_by_role("button", name="Stop…").click()
        await page.get_by_role("button", name="Stop", exact=True).click()
        # From one that was stopped there is a way on.
        await page.get_by_role("link", name="Roll out again to 2 devices").click()
        await page.get_by_role("heading", name="New rollout").wait_for()


async def test_nothing_unusual_is_nothing_to_mute(open_browser):
    async with open_browser("ann") as page:
        await table(page)
        await page.get_by_label("Choose Kitchen").check()
        await page.get_by_role("button", name="Mute…").click()
        await page.get_by_text("there is nothing to mute").wait_for()
        await page.get_by_role("button", name="Clear").click()
        await expect(page.locator(".dm-bulk")).to_have_count(0)
