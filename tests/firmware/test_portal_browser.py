"""The portal in a real browser, from its captive page to the first reading at a hub."""

from __future__ import annotations

import json

from playwright.async_api import expect

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from host.twin.statistics import TwinState
from tests.firmware.portal import OURS, opened
from tests.support.browser import captive_browser
from tests.support.hub import rows, until

KEY = "the key of it"
TRIED_MS = 30_000


async def fill(page, *, key: str, host: str, name: str) -> None:
    await page.get_by_label("Password").fill(key)
    await page.get_by_label("Address of the hub").fill(host)
    await page.get_by_label("Name of this sensor").fill(name)
    await page.get_by_role("button", name="Join").click()


async def test_a_phone_is_led_to_the_form_and_told_what_is_wrong(make_board, tmp_path):
    board = make_board(ssid="", key="", host="")
    board.world["wifi"] |= {"key": KEY, "others": [{"ssid": "<b>guests</b>"}]}
    async with (
        opened(board) as phone,
        captive_browser(str(tmp_path / "profile"), phone.ports["80"]) as browser,
    ):
        page = browser.pages[0]
        await page.goto("http://captive.apple.com/hotspot-detect.html")
        await expect(page).to_have_url(f"http://{OURS}/")
        await expect(page.get_by_role("radio")).to_have_count(2)
        # What a network calls itself stays text.
        await expect(page.locator("b")).to_have_count(0)
        await page.get_by_label("<b>guests</b>").check()
        await fill(page, key="", host="", name="Loft")
        await expect(page.locator("#problem")).to_have_text("<b>guests</b> wants its password.")
        for key in ("a wrong password", "another wrong one", "a third one"):
            await page.get_by_label("dormouse", exact=False).first.check()
            await fill(page, key=key, host="10.0.0.7", name="Loft & <garden>")
            # What was typed is gone once it is another page: the one before may say the same.
            await expect(page.get_by_label("Password")).to_have_value("", timeout=TRIED_MS)
            await expect(page.get_by_text("The password of dormouse is wrong.")).to_be_visible()
            await expect(page.get_by_label("Address of the hub")).to_have_value("10.0.0.7")
            name = page.get_by_label("Name of this sensor")
            await expect(name).to_have_value("Loft & <garden>")
            assert key not in await page.content()


async def test_from_a_bare_board_by_phone_to_a_reading_at_the_hub(hub, make_twin, tmp_path):
    address = HubAddress("127.0.0.1", hub.facts["mqtt_port"], hub.facts["enrol_port"])
    twin = make_twin(
        TwinKind.DS18B20, address, world={"wifi": {"ssid": "home", "key": KEY}}, interval=2
    )
    # What a person cannot know beforehand is missing; ports are not in the portal.
    for name in ("ssid", "key", "host"):
        del twin.settings[name]
    twin.renewed = ("port", "enrol_port")
    twin.flash.mkdir(parents=True)
    twin.write_settings()
    await twin.start()
    await until(lambda: served(twin), 30)
    async with captive_browser(str(tmp_path / "profile"), await served(twin)) as browser:
        page = browser.pages[0]
        await page.goto("http://connectivitycheck.gstatic.com/generate_204")
        await page.get_by_label("home").check()
        await fill(page, key=KEY, host="127.0.0.1", name="Loft")
        await page.locator("#done").wait_for(timeout=TRIED_MS)
        assert KEY not in await page.content()
    await twin.until(lambda now: now.state is TwinState.ASLEEP and now.cycles > 0, within=60)
    assert await until(lambda: hub.value(twin.id, "CurrentTemperature"), 30) is not None
    assert await rows(hub, "SELECT count(*) > 0 FROM dormouse.reading") == [(True,)]
    assert twin.statistics.failures == 0, twin.statistics.last_error


async def served(twin) -> int:
    """The port of the twin's portal, 0 before it is open."""
    if "portal: join" not in twin.console():
        return 0
    return json.loads((twin.folder / "ports.json").read_text())["80"]
