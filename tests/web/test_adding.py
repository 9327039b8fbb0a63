"""Adding a device by its page, with a device that is real firmware, in real browsers."""

from __future__ import annotations

import pytest
import pytest_asyncio

from host.twin.hub import HubAddress
from host.twin.kinds import Kind
from hub.settings import Enrolment
from tests.support.hub import HubProcess, rows
from tests.web.conftest import hub_with_people
from tests.web.pictures import picture

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def window_hub(empty_hub):
    """A hub that lets nobody in by itself."""
    async with hub_with_people(empty_hub, ENROLMENT=Enrolment.WINDOW) as hub:
        yield hub


def address(hub: HubProcess) -> HubAddress:
    return HubAddress("127.0.0.1", hub.facts["mqtt_port"], hub.facts["enrol_port"])


def step(page, title: str):
    return page.get_by_role("heading", name=title, exact=True, level=2)


async def test_it_is_left_in_the_middle_and_gone_on_with_on_a_phone(
    window_hub, make_twin, open_browser
):
    twin = make_twin(Kind.DS18B20, address(window_hub), interval=2)
    try:
        async with open_browser("ann", hub=window_hub) as page:
            await page.goto("/add")
            await step(page, "Prepare the device").wait_for()
            await page.get_by_role("button", name="Next").click()
            await step(page, "Join it to your WiFi").wait_for()
            await picture(page, "add-portal")
            await page.get_by_role("button", name="It says that it joined").click()
            await page.get_by_text("No new device comes in by itself now").wait_for()
            await page.get_by_text("Waiting for a device").wait_for()
            # With several tenants a device is shown to who can read its network's name.
            await page.get_by_label("Last four characters").fill(twin.id[-4:])
            # It knocks while the page is open: nothing is pressed, nothing reloaded.
            await twin.start()
            await page.get_by_text(f"{twin.id} asks to come in").wait_for()
            await picture(page, "add-door")
            await page.get_by_role("button", name="Let it in").click()
            await step(page, "Name it").wait_for()
            await page.get_by_label("Name").fill("Loft <b>&")
            await page.get_by_label("Name").press("Enter")
            await step(page, "Where is it?").wait_for()
        async with open_browser("ann", hub=window_hub, phone=True, dark=True) as page:
            await page.goto("/add")
            await step(page, "Where is it?").wait_for()
            await page.get_by_role("button", name="Next").click()
            await step(page, "A new place").wait_for()
            await page.get_by_label("Name of the place").fill("Attic")
            await page.get_by_role("button", name="Next").click()
            await step(page, "Test reading").wait_for()
            await page.get_by_text("°C").first.wait_for()
            await picture(page, "add-reading-phone-dark")
            await page.get_by_role("button", name="Next").click()
            await step(page, "Temperature sensor").wait_for()
            await page.get_by_label("It really is").fill("25")
            await page.get_by_role("button", name="Next").click()
            await step(page, "Apple Home").wait_for()
            await page.get_by_role("img", name="QR code").wait_for()
            code = window_hub.facts["pairing_code"]
            await page.get_by_text(code).wait_for()
            await picture(page, "add-homekit-phone-dark")
            await page.get_by_role("button", name="Next").click()
            await page.get_by_text("Loft <b>& is set up.").wait_for()
            assert await page.locator("b").count() == 0
            await picture(page, "add-done-phone-dark")
            # Nothing but asking for it begins anew.
            await page.reload()
            await page.get_by_text("Loft <b>& is set up.").wait_for()
            await page.get_by_role("button", name="Add another device").click()
            await step(page, "Prepare the device").wait_for()
        found = await rows(
            window_hub,
            """SELECT d.name, p.name, (d.calibration -> 0 ->> 'offset')::float
               FROM dormouse.device d JOIN dormouse.place p ON p.id = d.location_id
               WHERE d.key = %s""",
            twin.id,
        )
        assert [row[:2] for row in found] == [("Loft <b>&", "Attic")]
        assert found[0][2] != 0
    finally:
        await twin.stop()
