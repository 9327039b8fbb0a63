"""The page of all devices: what needs attention first, by place, filtered and sorted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from hub.devices.glance import DeviceGlance, Glance, PlaceGlance
from hub.explain.problems import BatteryStanding, DeviceProblem
from hub.explain.sentence import Level
from hub.web.devices.view import devices_view
from tests.hub.web.speakers import TEMPERATURE, call_it, device, tell

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_needs_attention_comes_first_with_its_battery_and_place():
    glance = Glance(
        [PlaceGlance(1, None, "House"), PlaceGlance(2, 1, "Cellar")],
        [
            DeviceGlance("a", "Alpha", 2, NOW - timedelta(minutes=7), None, {"next_wake_s": 300}),
            DeviceGlance("b", "Beta", None, NOW - timedelta(hours=3), None, {"firmware": "1.4.0"}),
            DeviceGlance("c", None, 1, None, None, {"next_wake_s": True}),
        ],
    )
    problems = [
        DeviceProblem("b", "Beta", "silent for 3 h", "silent", Level.BAD, NOW),
        DeviceProblem("a", "Alpha", "battery low", "battery", Level.WARNING, NOW),
        DeviceProblem(None, "the hub", "not connected", "broker", Level.BAD, NOW),
    ]
    batteries = [
        BatteryStanding("a", "Alpha", "2.40 V", True, 9.4, 21),
        BatteryStanding("b", "Beta", "3.01 V", False, None, None),
        BatteryStanding("c", "c", None, False, None, None),
    ]
    view = devices_view(glance, {"c": "Calls itself C"}, problems, batteries, NOW)
    assert [(one["name"], one["problem"]["text"]) for one in view["devices"]] == [
        ("Beta", "silent for 3 h"),
        ("Alpha", "battery low"),
        ("Calls itself C", ""),
    ]
    by_id = {one["id"]: one for one in view["devices"]}
    assert by_id["a"]["battery"] == {"text": "9 %", "low": True, "left": "about 21 days"}
    assert by_id["b"]["battery"]["text"] == "3.01 V"
    assert (by_id["a"]["every"], by_id["a"]["heard"]) == ("5 min", "7 min ago")
    assert (by_id["c"]["every"], by_id["c"]["heard"]) == ("", "never")
    assert [(p["name"], p["depth"], p["devices"]) for p in view["places"]] == [
        ("House", 0, 2),
        ("Cellar", 1, 1),
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_table_is_filtered_by_place_and_leads_to_the_device(web, open_browser):
    async with device(web) as made, device(web) as other:
        await tell(made, TEMPERATURE, 20.125)
        await tell(other, TEMPERATURE, 7)
        await call_it(web, made.device, "Shelf", "Manor", "Vault")
        async with open_browser("rob") as page:
            await page.goto("/devices")
            row = page.locator(f'tr[data-device="{made.device}"]')
            await expect(row).to_contain_text("20.1 °C")
            await expect(row).to_contain_text("Vault")
            elsewhere = page.locator(f'tr[data-device="{other.device}"]')
            await expect(elsewhere).to_be_visible()
            await page.get_by_role("button", name="Manor").click()
            await expect(elsewhere).to_have_count(0)
            await page.get_by_role("button", name="Device", exact=True).click()
            await expect(page.get_by_role("columnheader", name="Device")).to_have_attribute(
                "aria-sort", "ascending"
            )
            await row.get_by_role("link", name="Shelf").click()
            await page.wait_for_url(f"**/devices/{made.device}")
