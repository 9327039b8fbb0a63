"""A new hub's home page: the checklist, and three virtual sensors to try it with."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.hub.conftest import hub_with_people
from tests.hub.web.examined import no_findings
from tests.hub.web.pictures import picture
from tests.support.hub import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

READY = "window.did_handshake && window.socket.connected"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def new_hub(peopled_hub):
    """A hub on which nobody was heard yet."""
    async with hub_with_people(peopled_hub, people={}) as hub:
        yield hub


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone-dark"])
async def test_three_steps_and_how_the_hub_is(new_hub, open_browser, phone):
    async with open_browser("ann", hub=new_hub, phone=phone, dark=phone) as page:
        await page.goto("/")
        await page.wait_for_function(READY)
        steps = page.get_by_role("list", name="First steps").get_by_role("listitem")
        await expect(steps).to_have_count(3)
        hub = page.get_by_role("region", name="This hub")
        await hub.get_by_text("Database and broker run").wait_for()
        await picture(page, f"first-run-{'phone-dark' if phone else 'desktop'}")
        await no_findings(page)


async def test_a_reader_reads_that_there_is_nothing_yet(new_hub, open_browser):
    async with open_browser("rob", hub=new_hub) as page:
        await page.goto("/")
        await page.get_by_text("No device was heard yet.").wait_for()
        await expect(page.get_by_role("button", name="Try three virtual sensors")).to_have_count(0)


async def test_three_virtual_sensors_are_heard_and_end_with_the_hub(new_hub, open_browser):
    async with open_browser("ann", hub=new_hub) as page:
        await page.goto("/")
        await page.wait_for_function(READY)
        await page.get_by_role("button", name="Try three virtual sensors").press("Enter")
        await page.get_by_text("Three virtual sensors were begun").wait_for()
        # The real firmware joins, and the page turns into the home page by itself.
        await until(lambda: heard(new_hub), 240)
        await expect(page.get_by_role("list", name="First steps")).to_have_count(0)
        await page.goto("/system")
        devices = page.get_by_role("region", name="New devices")
        await devices.get_by_text("Three virtual sensors run").wait_for()
        await page.wait_for_function(READY)
        await devices.get_by_role("button", name="Stop the virtual sensors").click()
        await expect(devices.get_by_text("Three virtual sensors run")).to_have_count(0)


async def heard(hub) -> bool:
    return len([one for one in (await hub.status())["devices"] if one["values"]]) == 3
