"""Adding a device by its page, with a device that is real firmware, in real browsers."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest
import pytest_asyncio
from playwright.async_api import expect
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from contracts.portal_network import network_name
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from hub.database.postgres import Postgres
from hub.settings import Enrolment
from tests.hub.conftest import hub_with_people
from tests.hub.web.devices import device
from tests.hub.web.examined import no_findings
from tests.hub.web.pictures import picture
from tests.support.hub import HubProcess, rows, until
from tests.support.publisher import Publisher

SAID = {"TemperatureSensor__CurrentTemperature": "20.5"}

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
    twin = make_twin(TwinKind.DS18B20, address(window_hub), interval=2)
    try:
        async with open_browser("ann", hub=window_hub) as page:
            await page.goto("/add")
            await step(page, "Scan the label").wait_for()
            await page.get_by_text("New devices need approval: one").wait_for()
            await page.get_by_text("Waiting for a device").wait_for()
            # With several tenants a device is shown to who can read its network's name.
            await page.get_by_label("Name of its network").fill(network_name(twin.id))
            # It knocks while the page is open: nothing is pressed, nothing reloaded.
            await twin.start()
            await page.get_by_text(f"{twin.id} asks to be added").wait_for()
            await picture(page, "add-waiting")
            await page.get_by_role("button", name="Approve", exact=True).click()
            await step(page, "It is on its way").wait_for()
        async with open_browser("ann", hub=window_hub, phone=True, dark=True) as page:
            await page.goto("/add")
            await step(page, "It is on its way").wait_for()
            await page.get_by_text("°C").first.wait_for()
            await picture(page, "add-reading-phone-dark")
            await page.get_by_role("button", name="Next").click()
            await step(page, "Name and place").wait_for()
            # Where there is no place yet a new one is asked for, and its name is the device's too.
            await page.get_by_role("button", name="Save").click()
            await page.get_by_role("alert").get_by_text("Type what the new place").wait_for()
            await page.evaluate("window.told = []; socket.onAny((...all) => told.push(all))")
            await page.get_by_label("Name of the place").fill("Attic")
            await expect(page.get_by_label("Name", exact=True)).to_have_value("Attic")
            await page.get_by_label("Name", exact=True).fill("Loft <b>&")
            await picture(page, "add-place-phone-dark")
            await no_findings(page)
            # What takes a value back that was typed since: nothing of that kind was sent.
            assert "updateValue" not in await page.evaluate("JSON.stringify(told)")
            await page.get_by_label("Name", exact=True).press("Enter")
            await page.get_by_text("Loft <b>& is set up.").wait_for()
            await page.get_by_role("img", name="QR code").wait_for()
            await page.get_by_text(window_hub.facts["pairing_code"]).wait_for()
            await page.get_by_text("Nobody is told when it is silent").wait_for()
            await expect(page.locator("b")).to_have_count(0)
            await picture(page, "add-done-phone-dark")
            await no_findings(page)
            # Nothing but asking for it begins anew.
            await page.reload()
            await page.get_by_text("Loft <b>& is set up.").wait_for()
            await page.get_by_role("button", name="Add the next one").click()
            await step(page, "Scan the label").wait_for()
        found = await rows(
            window_hub,
            """SELECT d.name, p.name FROM dormouse.device d
               JOIN dormouse.place p ON p.id = d.location_id WHERE d.key = %s""",
            twin.id,
        )
        assert found == [("Loft <b>&", "Attic")]
    finally:
        await twin.stop()


async def chosen(page, name: str) -> None:
    """Choose of a group: the mark comes back from the hub, Locator.check() waits for no such."""
    await page.get_by_label(name).click()
    await expect(page.get_by_label(name)).to_be_checked()


async def entered(page, button) -> None:
    """As somebody does who sees where the focus is before the key is pressed."""
    await button.focus()
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")


async def at_the_waiting_list(page) -> None:
    """A wizard begun anew: where devices are waited for."""
    await page.goto("/add")
    await (
        page.get_by_text("Step 1 of")
        .or_(page.get_by_role("button", name="Start over"))
        .or_(page.get_by_role("button", name="Add the next one"))
        .first.wait_for()
    )
    await page.wait_for_function("window.did_handshake")
    anew = page.get_by_role("button", name="Start over")
    if await anew.count():
        await anew.click()
        await page.get_by_role("alertdialog").get_by_role("button", name="Start over").click()
    await step(page, "Scan the label").wait_for()


async def test_a_window_is_opened_and_the_page_goes_on_by_itself_several_in_a_row(
    window_hub, open_browser
):
    facts = window_hub.facts
    devices = [Publisher(f"window_{n}", facts["mqtt_port"], facts["enrol_port"]) for n in (1, 2)]
    async with open_browser("max", hub=window_hub) as page:
        await look_at(page, "home")
        await at_the_waiting_list(page)
        await page.get_by_role("button", name="Approve new devices for 15 minutes").click()
        await page.get_by_text(
            "New devices are approved automatically for 15 more minutes."
        ).wait_for()
        for n, one in enumerate(devices, 1):
            # Nothing is pressed and nothing typed until the name is asked for, or not.
            await one.enrol()
            await step(page, "It is on its way").wait_for()
            topic = f"HomeKit/{one.device}/TemperatureSensor/CurrentTemperature"
            await one.send(topic, b"20.5", tag=1)
            await page.get_by_text("20.5 °C").wait_for()
            await page.get_by_role("button", name="Next").click()
            await step(page, "Name and place").wait_for()
            await chosen(page, "No place yet")
            await page.get_by_role("button", name="Save").click()
            await page.get_by_text(f"window_{n} is set up.").wait_for()
            await page.get_by_role("button", name="Add the next one").click()
            await step(page, "Scan the label").wait_for()
    for one in devices:
        await one.close()


async def test_a_device_whose_memory_was_erased_is_let_in_again(window_hub, open_browser):
    facts = window_hub.facts
    await window_hub.ask("POST", "/accounts/erased_1", json={})
    erased = Publisher("erased_1", facts["mqtt_port"], facts["enrol_port"])
    async with open_browser("ann", hub=window_hub) as page:
        await at_the_waiting_list(page)
        knock = asyncio.create_task(erased.enrol())
        await page.get_by_text("erased_1 was refused: it is known with another password").wait_for()
        await picture(page, "add-refused")
        await page.get_by_role("button", name="It is mine: allow it to enrol again").click()
        await page.get_by_text("erased_1 was refused").wait_for(state="detached")
        knock.cancel()
        await asyncio.gather(knock, return_exceptions=True)
        again = Publisher("erased_1", facts["mqtt_port"], facts["enrol_port"])
        await again.enrol()
        await again.close()
        await (
            page.get_by_text("Choose a device that is known already")
            .or_(page.get_by_text("erased_1 was approved"))
            .first.wait_for()
        )
    await erased.close()


async def test_it_is_done_by_keyboard_alone_and_says_where_one_is(window_hub, open_browser):
    async with (
        device(window_hub, "keys_1", enrol=False, **SAID),
        open_browser("ann", hub=window_hub) as page,
    ):
        await at_the_waiting_list(page)
        card = page.locator(".q-card", has_text="keys_1 was approved")
        await card.get_by_role("button", name="Use this device").press("Enter")
        await step(page, "It is on its way").wait_for()
        # Who does not see the page is where the next step begins.
        await expect(step(page, "It is on its way")).to_be_focused()
        await entered(page, page.get_by_role("button", name="Next"))
        await step(page, "Name and place").wait_for()
        await expect(step(page, "Name and place")).to_be_focused()
        await page.get_by_label("No place yet").press("Space")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Cupboard")
        await entered(page, page.get_by_role("button", name="Back"))
        await step(page, "It is on its way").wait_for()
        # Steps that were not reached cannot be gone to, those that were can.
        steps = page.get_by_role("navigation", name="Steps")
        await expect(steps.get_by_role("button", name="Done")).to_be_disabled()
        await steps.get_by_role("button", name="Name and place").press("Enter")
        await step(page, "Name and place").wait_for()


@contextlib.asynccontextmanager
async def unanswered(hub):
    """Whoever asks for what devices measured waits meanwhile."""
    postgres = Postgres(hub.data_dir / "postgres")
    url = make_conninfo(postgres.admin_url, dbname=conninfo_to_dict(postgres.app_url)["dbname"])
    async with await psycopg.AsyncConnection.connect(url) as conn:
        await conn.execute("LOCK TABLE dormouse.series IN ACCESS EXCLUSIVE MODE")
        yield


async def test_what_is_pressed_while_a_step_is_still_being_made_is_done(window_hub, open_browser):
    async with (
        device(window_hub, "slow_1", enrol=False, **SAID),
        open_browser("ann", hub=window_hub) as page,
    ):
        await at_the_waiting_list(page)
        card = page.locator(".q-card", has_text="slow_1 was approved")
        steps = page.get_by_role("navigation", name="Steps")
        async with unanswered(window_hub):
            await card.get_by_role("button", name="Use this device").click()
            # Its form is not there yet, and the focus is not moved once it comes.
            await expect(step(page, "It is on its way")).to_be_focused()
            await expect(page.get_by_role("button", name="Next")).to_have_count(0)
            await entered(page, steps.get_by_role("button", name="Scan the label"))
            # The hub has read the press when it answers what is asked after it.
            assert await page.evaluate("fetch('/session').then(answer => answer.status)") == 200
        await expect(step(page, "Scan the label")).to_be_focused()
        # Pressed twice it is answered once: the next step is not the one that was meant.
        await steps.get_by_role("button", name="It is on its way").click()
        await page.get_by_role("button", name="Next").dblclick()
        await expect(step(page, "Name and place")).to_be_focused()


TWO = {
    "TemperatureSensor__0__CurrentTemperature": "20.5",
    "TemperatureSensor__1__CurrentTemperature": "-18",
}


async def test_each_of_two_sensors_is_named_and_a_window_that_is_behind_is_told(
    window_hub, open_browser
):
    async with (
        device(window_hub, "two_1", enrol=False, **TWO),
        open_browser("ann", hub=window_hub) as page,
        open_browser("ann", hub=window_hub) as behind,
    ):
        await at_the_waiting_list(page)
        await behind.goto("/add")
        await step(behind, "Scan the label").wait_for()
        card = page.locator(".q-card", has_text="two_1 was approved")
        await card.get_by_role("button", name="Use this device").click()
        await step(page, "It is on its way").wait_for()
        card = behind.locator(".q-card", has_text="two_1 was approved")
        await card.get_by_role("button", name="Use this device").click()
        await behind.get_by_role("alert").get_by_text("You went on with this").wait_for()
        await step(behind, "It is on its way").wait_for()
        await page.get_by_text("-18.0 °C").wait_for()
        await page.get_by_role("button", name="Next").click()
        await step(page, "Name and place").wait_for()
        await chosen(page, "No place yet")
        await page.get_by_role("button", name="Save").click()
        await step(page, "Temperature sensor").wait_for()
        await page.get_by_label("What it measures").fill("☃")
        await page.get_by_role("button", name="Next").click()
        await page.get_by_role("alert").get_by_text("Apple Home takes names of").wait_for()
        await page.get_by_label("What it measures").fill("Fridge")
        await page.get_by_role("button", name="Next").click()
        await step(page, "Temperature sensor 2").wait_for()
        await page.get_by_label("What it measures").fill("Freezer")
        await page.get_by_label("True value").fill("-17.5")
        await page.get_by_role("button", name="Next").click()
        await step(page, "Done").wait_for()
        assert await until(lambda: configured(window_hub)) == ["Freezer", "Fridge"]
        found = await rows(
            window_hub,
            """SELECT s.index, c.offset_by FROM dormouse.calibration c
               JOIN dormouse.series s ON s.id = c.series_id
               JOIN dormouse.device d ON d.id = s.device_id WHERE d.key = 'two_1'""",
        )
        assert found == [(1, 0.5)]


async def configured(hub) -> list[str]:
    """What Apple Home calls the sensors of two_1, once both are there."""
    [home] = await hub.ask("GET", "/homekit/accessories", params={"tenant": "home"})
    named = [
        values.get("ConfiguredName")
        for bridge in home["bridges"]
        for one in bridge["accessories"]
        if one["device"] == "two_1"
        for service, values in one["services"].items()
        if service.startswith("TemperatureSensor")
    ]
    return sorted(named) if named == ["Fridge", "Freezer"] else []


async def look_at(page, tenant: str) -> None:
    """Choose a tenant in the header."""
    await page.goto("/account")
    await page.get_by_role("combobox", name="Tenant").click()
    await page.get_by_role("option", name=tenant).click()
    await page.wait_for_url("**/")
