"""The page Notifications: the inbox is seen, a rule is chosen, tried, kept, changed and removed."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.hub.web.devices import device
from tests.hub.web.examined import no_findings
from tests.hub.web.pictures import picture
from tests.support.hub import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def choose(page, label: str, option: str) -> None:
    await page.get_by_role("combobox", name=label, exact=True).click()
    await page.get_by_role("option", name=option, exact=True).click()


async def is_told(client) -> bool:
    answer = await client.get("/api/notifications")
    return any(one["name"] == "boiler" for one in answer.json())


async def test_the_inbox_is_seen_and_a_sentence_is_chosen_tried_and_kept(full, ann, open_browser):
    said = {"sentence": "boiler above 60 degrees"}
    async with (
        device(full, "boiler", TemperatureSensor__CurrentTemperature="55") as boiler,
        open_browser("ann", phone=True, dark=True) as page,
    ):
        assert (await ann.post("/api/notifications/rules", json=said)).status_code == 201
        await page.goto("/notifications")
        topic = "HomeKit/boiler/TemperatureSensor/CurrentTemperature"
        await boiler.send(topic, b"81.5", tag=9)
        await until(lambda: is_told(ann), 120)
        # Its number stands in the menu of every page.
        open_before = (await ann.get("/badge")).json()["open"]
        assert open_before >= 1
        await page.evaluate("window.dormouse.badge()")
        html = page.locator("html")
        await expect(html).to_have_class(re.compile("dm-badged"))
        await expect(html).to_have_attribute("style", re.compile(f'--dm-badge: "{open_before}"'))
        # It stands in an inbox that is open already, too.
        await page.get_by_role("button", name="Seen: boiler").click()
        await page.get_by_text("seen by ann").wait_for()
        assert (await ann.get("/badge")).json()["open"] == open_before - 1
        # What each would have told is found by itself, and tried anew at each choice.
        said = page.get_by_test_id("rule")
        await expect(said).to_contain_text("in the last 30 days")
        await choose(page, "Where", "h1")
        await page.get_by_label("Limit").fill("22")
        await choose(page, "For how long", "1 h")
        await expect(said).to_have_text("It would have told you once in the last 30 days.")
        await page.get_by_text("At 23 °C: ").wait_for()
        await page.get_by_role("button", name="Save").click()
        name = "h1: temperature above 22 °C for 1 h"
        await page.get_by_role("button", name=f"Change the rule {name}").wait_for()
        line = page.get_by_role("listitem").filter(has_text=name)
        await line.get_by_text("1 in 30 days").wait_for()
        await picture(page, "notifications-phone-dark")
        await no_findings(page)


async def test_a_rule_is_switched_changed_into_another_and_deleted(full, open_browser):
    async with open_browser("ann") as page:
        await page.goto("/notifications")
        await page.get_by_text("Name, urgency, or say it in words").click()
        await page.get_by_role("textbox", name="Say it in words").fill(
            "h2 humidity over 60 % for 20 min"
        )
        await page.get_by_role("button", name="Read it into the sentence").click()
        await expect(page.get_by_role("combobox", name="Where")).to_have_value("h2")
        await page.get_by_role("button", name="Save").click()
        rule = "h2: relative humidity above 60 % for 20 min"
        await page.get_by_role("button", name=f"Change the rule {rule}").wait_for()
        switch = page.get_by_role("switch", name=f"On: {rule}")
        await switch.press("Space")
        await expect(switch).to_have_attribute("aria-checked", "false")
        # The same rule, about something else now; it stays off.
        await page.get_by_role("button", name=f"Change the rule {rule}").click()
        # Its sentence is made anew: what is opened before that closes.
        await expect(page.get_by_role("combobox", name="What", exact=True)).to_be_focused()
        await choose(page, "What", "silence")
        await choose(page, "Missed", "3 reports")
        await picture(page, "notifications-desktop")
        await no_findings(page)
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("button", name="Change the rule h2: silent, 3 reports").wait_for()
        await expect(page.get_by_role("button", name=f"Change the rule {rule}")).to_have_count(0)
        await expect(page.get_by_role("switch", name="On: h2: silent")).to_have_attribute(
            "aria-checked", "false"
        )
        await page.get_by_role("button", name="Delete rule…").click()
        await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
        await expect(page.get_by_role("button", name="Change the rule h2: silent")).to_have_count(0)


async def test_a_channel_is_refused_added_and_made_quiet(full, open_browser):
    async with open_browser("ann") as page:
        await page.goto("/notifications")
        await page.get_by_role("button", name="Add a channel").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Name").fill("Ops")
        await choose(page, "Kind", "Signed webhook")
        await dialog.get_by_label("Address").fill("http://10.0.0.1/hook")
        await dialog.get_by_role("button", name="Add", exact=True).click()
        await dialog.get_by_text("10.0.0.1 is no public address").wait_for()
        await dialog.get_by_label("Address").fill("https://hooks.example.com/in")
        await dialog.get_by_role("button", name="Add", exact=True).click()
        await page.get_by_test_id("secret").wait_for()
        await page.get_by_role("button", name="Done").click()
        await page.get_by_role("button", name="More for Ops").click()
        await page.get_by_text("Quiet hours…").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Quiet from").fill("22:00")
        await dialog.get_by_role("button", name="Save").click()
        await dialog.get_by_text("Quiet hours need their beginning and their end.").wait_for()
        await dialog.get_by_label("Quiet until").fill("07:00")
        await dialog.get_by_role("button", name="Save").click()
        await page.get_by_text("Quiet 22:00 to 07:00; urgent comes through").wait_for()
        await no_findings(page)
