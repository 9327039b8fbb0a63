"""The home page: places, values, ages; live, honest, and safe with any name."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.hub.web.examined import no_script_ran
from tests.hub.web.speakers import TEMPERATURE, call_it, device, tell

pytestmark = pytest.mark.asyncio(loop_scope="module")


def card(page, key: str):
    return page.locator(f'[data-device="{key}"]')


async def home(page):
    await page.goto("/")
    await page.wait_for_function("window.did_handshake")


async def test_places_are_a_tree_with_values_ages_and_battery(web, open_browser):
    async with device(web) as made, device(web) as other:
        await tell(made, TEMPERATURE, 20.125)
        await tell(made, "HumiditySensor/CurrentRelativeHumidity", 55)
        await tell(made, "$report", {"firmware": "1.0.0", "battery_mv": 2980, "next_wake_s": 300})
        await tell(other, TEMPERATURE, 7)
        await call_it(web, made.device, "Shelf", "House", "Cellar")
        async with open_browser("rob") as page:
            await home(page)
            shown = card(page, made.device)
            for text in ("Shelf", "20.1 °C", "55.0 %", "Cellar"):
                await expect(shown).to_contain_text(text)
            # What is as it should be has no age.
            await expect(shown).not_to_contain_text("ago")
            headings = page.locator(".dm-place h2")
            await expect(headings).to_have_text(["House", "New, no place yet"])
            placed = page.locator(".dm-place", has=shown).locator("h2")
            await expect(placed).to_have_text("House")
            await expect(card(page, other.device)).to_contain_text("7.0 °C")
            facts = page.locator(".dm-facts")
            await expect(facts).to_contain_text("1 of 1", use_inner_text=True)
            # The last day is drawn as soon as the page is there.
            await shown.locator("path.line").wait_for(state="attached")


async def test_a_new_reading_is_on_screen_by_itself(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        async with open_browser("rob") as page:
            await home(page)
            await card(page, made.device).get_by_text("20.0 °C").wait_for()
            for value in (21, 22, 23):
                await tell(made, TEMPERATURE, value)
                await card(page, made.device).get_by_text(f"{value}.0 °C").wait_for()


async def test_a_twin_comes_by_itself(web, open_browser, make_twin):
    async with open_browser("rob") as page:
        await home(page)
        twin = make_twin(TwinKind.DS18B20, HubAddress.of(web.facts), interval=60)
        await twin.start()
        await card(page, twin.id).get_by_text("°C").wait_for()
        await twin.power_off()


async def test_a_name_with_markup_is_text(web, open_browser):
    name = "<img src=x onerror=window.hit=1><script>window.hit=1</script>{{ 6*7 }}"
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await call_it(web, made.device, name, "<b>Attic</b>")
        async with open_browser("rob") as page:
            await home(page)
            await expect(card(page, made.device).locator(".dm-name")).to_have_text(name)
            await expect(page.locator(".dm-home")).to_contain_text("<b>Attic</b>")
            await no_script_ran(page)


async def test_ages_are_by_the_hubs_clock(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await tell(made, "$report", {"next_wake_s": 300})
        async with open_browser("rob") as page:
            # This machine's clock is three hours fast.
            await page.add_init_script("const now = Date.now; Date.now = () => now() + 10800000;")
            await home(page)
            await expect(card(page, made.device)).to_contain_text("20.0 °C")
            await expect(card(page, made.device)).not_to_contain_text("Silent")


async def test_another_tenants_devices_are_not_there(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        async with open_browser("eve") as page:
            await home(page)
            # What makes the hub hers, a step each: nobody of hers was heard.
            steps = page.get_by_role("list", name="First steps").get_by_role("listitem")
            await expect(steps).to_have_count(3)
            await expect(card(page, made.device)).to_have_count(0)
            # Nor does what is heard now reach the page.
            await tell(made, TEMPERATURE, 33)
            async with open_browser("rob") as ours:
                await home(ours)
                await card(ours, made.device).get_by_text("33.0 °C").wait_for()
            await expect(card(page, made.device)).to_have_count(0)


async def test_what_is_wrong_is_on_top_and_leads_to_the_device(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await tell(made, "$online", 0)
        async with open_browser("rob") as page:
            await home(page)
            line = page.locator(f'.dm-problems a[href="/devices/{made.device}"]')
            await line.wait_for()
            await expect(line).to_contain_text("offline")


async def test_a_keyboard_is_enough(web, open_browser):
    async with device(web, "aaa_first") as made:
        await tell(made, TEMPERATURE, 20)
        async with open_browser("rob") as page:
            await home(page)
            await card(page, made.device).wait_for()
            for _ in range(40):
                await page.keyboard.press("Tab")
                at = await page.evaluate("document.activeElement.dataset.device")
                if at == made.device:
                    break
            assert at == made.device
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"**/devices/{made.device}")


async def test_an_open_page_goes_on_when_the_hub_is_restarted(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        async with open_browser("rob", errors_allowed=True) as page:
            await home(page)
            await made.close()
            assert await web.stop() == 0
            await web.start()
            await made.connect()
            await tell(made, TEMPERATURE, 22.5)
            await card(page, made.device).get_by_text("22.5 °C").wait_for()
            # And it is live again.
            await tell(made, TEMPERATURE, 23.5)
            await card(page, made.device).get_by_text("23.5 °C").wait_for(timeout=20_000)
