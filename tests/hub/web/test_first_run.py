"""From the link that a new hub prints to the first chart of a bare board, all by browsers."""

from __future__ import annotations

from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from tests.firmware.test_portal_browser import KEY, TRIED_MS, fill, served
from tests.hub.people.joined import PASSWORD
from tests.hub.web.conftest import DESKTOP
from tests.hub.web.pictures import picture
from tests.support.browser import browser_of, captive_browser
from tests.support.hub import until

POINTS = """async () => {
    const { echarts } = await import("nicegui-echart");
    const drawn = document.querySelector("[data-drawn]");
    const chart = drawn && echarts.getInstanceByDom(drawn);
    if (!chart) return [];
    // A dataset a trace: columns of times and values.
    return chart.getOption().dataset.flatMap(one => Object.entries(one.source).filter(
        ([column]) => column !== "at").flatMap(([, values]) => values.filter(v => v !== null)));
}"""


async def test_first_run_to_first_chart_without_a_terminal(hub, make_twin, tmp_path):
    twin = make_twin(
        TwinKind.DS18B20,
        HubAddress("127.0.0.1", hub.facts["mqtt_port"], hub.facts["enrol_port"]),
        world={"wifi": {"ssid": "home", "key": KEY}},
        interval=2,
    )
    # What a person cannot know beforehand is missing; ports are not in the portal.
    for name in ("ssid", "key", "host"):
        del twin.settings[name]
    twin.renewed = ("port", "enrol_port")
    twin.flash.mkdir(parents=True)
    twin.write_settings()
    await twin.start()

    link = (await hub.ask("POST", "/people/first"))["url"]
    # What opens the hub is on a terminal alone.
    assert "/join/" not in hub.log.read_text()
    assert hub.facts["pairing_code"] not in hub.log.read_text()
    async with browser_of() as chromium:
        page = await chromium.new_page(viewport=DESKTOP, reduced_motion="reduce")
        page.set_default_timeout(30_000)
        await page.goto(link)
        await page.get_by_label("Name").fill("Ann")
        for field in ("Password, 10", "The password again"):
            await page.get_by_label(field).fill(PASSWORD)
        await page.get_by_role("button", name="Create account").click()
        await page.get_by_role("link", name="Add device").first.click()
        await page.get_by_text("Waiting for a device").wait_for()
        # The phone, in the device's own network, does what the page says.
        await until(lambda: served(twin), 60)
        async with captive_browser(str(tmp_path / "phone"), await served(twin)) as phone:
            portal = phone.pages[0]
            await portal.goto("http://captive.apple.com/hotspot-detect.html")
            await portal.get_by_label("home").check()
            await fill(portal, key=KEY, host="127.0.0.1", name="Loft")
            await portal.locator("#done").wait_for(timeout=TRIED_MS)
        # Nothing was pressed: the page went on by itself.
        await page.get_by_role("heading", name="It is on its way").wait_for(timeout=60_000)
        await page.get_by_text("°C").first.wait_for(timeout=60_000)
        await page.get_by_role("button", name="Next").click()
        await page.get_by_label("Name of the place").fill("Attic")
        await page.get_by_label("Name", exact=True).fill("Under the roof")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("img", name="QR code").wait_for()
        await page.get_by_role("link", name="Open its page").click()
        await page.wait_for_url(f"**/devices/{twin.id}**")
        await page.get_by_role("heading", name="Under the roof", level=1).wait_for()
        # Its library is there once something is drawn; before, asking for it may take any time.
        await page.wait_for_selector("[data-drawn]")
        points = await until(lambda: page.evaluate(POINTS), 30)
        measured = await hub.value(twin.id, "CurrentTemperature")
        assert any(abs(point - measured) < 10 for point in points), (points, measured)
        await picture(page, "first-chart")
        # What it was told here it calls itself, too, after its next wakes.
        await until(lambda: named(twin, "Under the roof"), 60)
    assert twin.statistics.failures == 0, twin.statistics.last_error
    await twin.stop()


async def named(twin, name: str) -> bool:
    return f'"name": "{name}"' in (twin.flash / "settings.json").read_text()
