"""A device's page: values live, charts of any span, its past, commands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from contracts.reading import AS_SENT, Reading, SeriesKey, SourceScale
from host.twin.hub import HubAddress
from host.twin.kinds import TwinKind
from hub.devices.history import changes_of
from hub.readings.repository import ReadingRepository
from hub.zones.service import ZoneService
from tests.hub.anomalies.ordinary import A_DAY, series
from tests.hub.anomalies.stored import store_series
from tests.hub.ingest.test_ingest import stored
from tests.hub.web.examined import no_script_ran
from tests.hub.web.speakers import TEMPERATURE, call_it, device, store_of, tell
from tests.support.hub import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY_MS = 86_400_000


def row(page, series: str):
    return page.locator(f'[data-series="{series}"]')


async def zone_of_home(web):
    async with store_of(web) as store:
        return (await ZoneService(store).of("home")).zone


async def opened(page, key: str, query: str = "", tab: str = ""):
    await page.goto(f"/devices/{key}{tab}{query}")
    await page.wait_for_function("window.did_handshake")


async def test_values_are_live_and_the_chart_is_there(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        async with open_browser("rob") as page:
            await opened(page, made.device)
            shown = row(page, "TemperatureSensor/0/CurrentTemperature")
            await expect(shown).to_contain_text("20.0 °C")
            for value in (21, 22, 23):
                await tell(made, TEMPERATURE, value)
                await shown.get_by_text(f"{value}.0 °C").wait_for()
            chart = page.get_by_role("img", name="Temperature: 20.0")
            await chart.wait_for()


async def test_a_bookmark_to_what_is_gone_says_so(open_browser):
    async with open_browser("rob", errors_allowed=True) as page:
        answer = await page.goto("/devices/esp8266_nobody")
        assert answer.status == 404
        await expect(page.locator("body")).to_contain_text("there is no device 'esp8266_nobody'")


async def test_another_tenants_device_is_not_there(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        async with open_browser("eve", errors_allowed=True) as page:
            answer = await page.goto(f"/devices/{made.device}")
            assert answer.status == 404


async def test_a_script_as_a_name_is_text(web, open_browser):
    name = "<script>window.hit=1</script><img src=x onerror=window.hit=1>"
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await call_it(web, made.device, name, "<i>Attic</i>")
        async with open_browser("rob") as page:
            await opened(page, made.device)
            await expect(page.get_by_role("heading", level=1)).to_have_text(name)
            await expect(page.locator(".dm-crumbs")).to_contain_text("<i>Attic</i>")
            await expect(page).to_have_title(f"{name} · Dormouse")
            await no_script_ran(page)


async def test_what_was_true_when(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await tell(made, "$report", {"firmware": "1.0.0", "next_wake_s": 300})
        await call_it(web, made.device, "Old name", "Attic")
        await tell(made, "$report", {"firmware": "1.1.0", "next_wake_s": 300})
        await call_it(web, made.device, "New name", "Cellar")
        async with store_of(web) as store:
            changes = await changes_of(store.of("home"), made.device, most=20)
        [named] = [one for one in changes if (one.property, one.after) == ("name", "New name")]
        then = (named.at - timedelta(milliseconds=1)).astimezone(await zone_of_home(web))
        async with open_browser("rob") as page:
            await opened(page, made.device, tab="/changes")
            facts = page.locator(".dm-facts")
            for now in ("New name", "Cellar", "1.1.0"):
                await expect(facts).to_contain_text(now)
            listed = page.get_by_role("region", name="Changes")
            for text in (
                "Renamed from Old name to New name",
                "Moved from Attic to Cellar",
                "Updated from 1.0.0 to 1.1.0",
                "Named Old name",
                "Put into Attic",
            ):
                await listed.get_by_text(text).wait_for()
            await expect(listed).to_contain_text("ann")
            await expect(listed.get_by_role("button")).to_have_count(0)  # a reader undoes nothing
            await page.get_by_label("As of").fill(f"{then:%Y-%m-%dT%H:%M:%S.%f}"[:-3])
            await facts.get_by_text("Old name").wait_for()
            await facts.get_by_text("Attic").wait_for()


async def test_a_change_is_undone_where_it_is_listed(web, ann, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        await call_it(web, made.device, "Shelf", "Barn")
        await call_it(web, made.device, "Shelves", "Barn", "Loft")
        body = {"series": f"{made.device}/{TEMPERATURE}", "offset": -0.4}
        assert (await ann.put("/api/calibrations", json=body)).status_code == 204
        async with open_browser("ann") as page:
            await opened(page, made.device, tab="/changes")
            listed = page.get_by_role("region", name="Changes")
            await listed.get_by_role("button", name="Undo: Calibrated: temperature").click()
            await listed.get_by_text("Calibrated: temperature as measured").wait_for()
            await listed.get_by_role("button", name="Undo: Moved from Barn to Loft").click()
            await expect(page.locator(".dm-crumbs")).not_to_contain_text("Loft")
            await expect(page.locator(".dm-crumbs")).to_contain_text("Barn")
            await listed.get_by_role("button", name="Undo: Renamed from Shelf to Shelves").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Shelf")
        known = {one["series"]: one for one in (await ann.get("/api/series")).json()}
        assert known[f"{made.device}/{TEMPERATURE}"]["value"] == 20.0


async def test_a_calibration_is_set_and_the_page_follows(web, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        async with open_browser("ann") as page:
            await opened(page, made.device, tab="/settings")
            await page.get_by_label("Offset").fill("-1.5")
            await page.get_by_role("button", name="Calibrate").click()
            await page.get_by_text("CurrentTemperature is calibrated.").wait_for()
        key = SeriesKey(made.device, "TemperatureSensor", 0, "CurrentTemperature")
        async with store_of(web) as store:
            (bin_,) = await ReadingRepository(store.of("home")).bins(
                key, *[_near(days) for days in (-1, 1)]
            )
        assert bin_.last == 18.5
        async with open_browser("rob") as page:
            await opened(page, made.device)
            shown = row(page, "TemperatureSensor/0/CurrentTemperature")
            await expect(shown).to_contain_text("18.5 °C")
            await opened(page, made.device, tab="/settings")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await expect(page.get_by_role("button", name="Calibrate")).to_have_count(0)


async def test_open_pages_follow_a_calibration_and_its_reversal(web, ann, open_browser):
    async with device(web) as made:
        await tell(made, TEMPERATURE, 20)
        series = f"{made.device}/{TEMPERATURE}"
        async with (
            open_browser("rob") as page, open_browser("rob") as home, open_browser("rob") as held,
        ):  # fmt: skip
            await opened(page, made.device)
            await opened(held, made.device, tab="/settings")
            await home.goto("/")
            shown = row(page, "TemperatureSensor/0/CurrentTemperature")
            listed = home.locator(f'[data-device="{made.device}"]')
            for how, text, drawn in (
                ({"gain": 1.5, "offset": -2}, "28.0 °C", "Temperature: 28.0"),
                ({}, "20.0 °C", "Temperature: 20.0"),
            ):
                body = {"series": series, **how}
                assert (await ann.put("/api/calibrations", json=body)).status_code == 204
                await shown.get_by_text(text).wait_for()
                await listed.get_by_text(text).wait_for()
                await page.get_by_role("img", name=drawn).wait_for()
            await ann.put("/api/calibrations", json={"series": series, "offset": 1})
            await held.get_by_text("1 * measured +1").wait_for()
            await tell(made, TEMPERATURE, 30)
            await shown.get_by_text("31.0 °C").wait_for()
            await listed.get_by_text("31.0 °C").wait_for()


async def test_a_switch_is_switched_and_a_reader_cannot(web, open_browser, make_twin):
    twin = make_twin(TwinKind.SWITCH, HubAddress.of(web.facts))
    await twin.start()
    async with open_browser("ann") as page:
        await page.goto("/")
        await page.locator(f'[data-device="{twin.id}"]').get_by_text("off").wait_for()
        await opened(page, twin.id)
        shown = row(page, "Switch/0/On")
        await shown.get_by_role("switch").click()
        await shown.locator(".dm-number", has_text="on").wait_for()
        async with open_browser("rob") as reader:
            await opened(reader, twin.id)
            await expect(row(reader, "Switch/0/On")).to_contain_text("on")
            await expect(row(reader, "Switch/0/On").get_by_role("switch")).to_have_count(0)
    await twin.power_off()


def _near(days: int):
    return datetime.now(UTC) + timedelta(days=days)


async def seeded(web, key: SeriesKey, samples) -> None:
    async with store_of(web) as store:
        await store_series(store, "home", key, samples)


def temperature(device: str) -> SeriesKey:
    return SeriesKey(device, "TemperatureSensor", 0, "CurrentTemperature")


def chart(page):
    return page.locator("section[aria-label=Readings] [data-drawn]")


async def is_said(page, *texts: str) -> None:
    """The chart's own words come to have these."""
    for text in texts:
        label = re.compile(re.escape(text))
        await expect(chart(page)).to_have_attribute("aria-label", label)


async def drawn_over(page, fits) -> list[float]:
    """The ends of the axis of time once `fits` is true of them."""

    async def drawn() -> list[float] | None:
        now = await axis(page)
        return now if fits(*now) else None

    return await until(drawn)


async def axis(page) -> list[float]:
    """The ends of the axis of time, in ms."""
    return await page.evaluate(
        """async () => {
            const { echarts } = await import("nicegui-echart");
            const at = document.querySelector("section[aria-label=Readings] [data-drawn]");
            return echarts.getInstanceByDom(at).getModel().getComponent("xAxis", 0)
                .axis.scale.getExtent();
        }"""
    )


async def test_any_span_from_rollups_and_every_reading_when_zoomed_in(web, open_browser):
    gap = 12 * A_DAY
    samples = series("outdoor", 1, 40)
    await seeded(web, temperature("spans"), samples[:gap] + samples[gap + A_DAY :])
    async with open_browser("rob") as page:
        await opened(page, "spans")
        await chart(page).wait_for()
        await page.get_by_text("every reading").wait_for()
        await page.get_by_role("button", name="Month").click()
        since, end = await drawn_over(page, lambda a, b: b - a == 30 * DAY_MS)
        await page.get_by_text("means of 3 hours").wait_for()
        await is_said(page, "1 gap")
        await expect(page).to_have_url(re.compile("span=month"))
        box = await chart(page).bounding_box()
        await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 150)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.54, box["y"] + 150, steps=5)
        await page.mouse.up()
        closer = await drawn_over(page, lambda a, b: b - a < 4 * DAY_MS)
        assert since < closer[0] < closer[1] < end
        await page.get_by_text("every reading").wait_for()
        await page.get_by_role("button", name="Earlier").click()
        await drawn_over(page, lambda _, b: b == closer[0])


async def test_a_bookmark_opens_what_it_was_made_of(web, open_browser):
    await seeded(web, temperature("mark_a"), series("indoor", 1, 10))
    await seeded(web, temperature("mark_b"), series("indoor", 2, 10))
    wanted = "series=mark_a/TemperatureSensor/0/CurrentTemperature"
    other = "series=mark_b/TemperatureSensor/0/CurrentTemperature"
    async with open_browser("rob") as page:
        await opened(page, "mark_a", f"?span=week&{wanted}&{other}&series=gone/Switch/0/On")
        await is_said(page, "mark_a, Temperature: ", "mark_b, Temperature: ")
        await expect(chart(page)).not_to_have_attribute("aria-label", re.compile("gone"))
        await drawn_over(page, lambda a, b: b - a == 7 * DAY_MS)
        await opened(page, "mark_a", "?span=1e9&series=%00&series=../../etc/passwd")
        await is_said(page, "mark_a, Temperature: ")


async def test_a_place_is_laid_over_itself(web, open_browser):
    for number in (1, 2):
        await seeded(web, temperature(f"place_{number}"), series("indoor", number, 3))
        await call_it(web, f"place_{number}", f"Sensor {number}", "Barn")
    async with open_browser("rob") as page:
        await opened(page, "place_1")
        await page.get_by_label("Shown series").fill("All in Barn")
        await page.get_by_role("option", name="All in Barn, Temperature").click()
        await is_said(page, "Barn: Sensor 1, Temperature", "Barn: Sensor 2, Temperature")


async def test_a_place_has_what_was_measured_there_and_a_device_its_moves(web, ann, open_browser):
    """`mover` is warm since it left the stable; `stayer` came into it when it was gone."""
    every = 600
    for name, before, after in (("mover", 10.0, 30.0), ("stayer", 50.0, 15.0)):
        samples = [(n * every, before if n < 144 * 2 else after) for n in range(144 * 4)]
        await seeded(web, temperature(name), samples)
    now = datetime.now(UTC)
    # Between the last reading of before and the first of after.
    began, moved = now - timedelta(days=6), now - timedelta(days=2) + timedelta(minutes=3)
    stable = (await ann.post("/api/places", json={"name": "Stable"})).json()["id"]
    loft = (await ann.post("/api/places", json={"name": "Hayloft"})).json()["id"]
    for device_, place, since in (
        ("mover", stable, began), ("mover", loft, moved), ("stayer", stable, moved),
    ):  # fmt: skip
        body = {"place": place, "since": since.isoformat()}
        assert (await ann.patch(f"/api/devices/{device_}", json=body)).status_code == 200
    async with open_browser("rob") as page:
        await opened(page, "mover", "?span=week")
        await is_said(page, "Temperature: 10.0 to 30.0 °C", "moved to Hayloft")
        await opened(page, "mover", f"?span=week&series=in/{stable}/CurrentTemperature")
        for stayed in ("mover, Temperature: 10.0 to 10.0 °C", "stayer, Temperature: 15.0 to 15.0"):
            await is_said(page, f"Stable: {stayed}")
        await expect(chart(page)).not_to_have_attribute("aria-label", re.compile("moved to"))
        # An open page follows a correction.
        await opened(page, "stayer", "?span=week")
        body = {"place": stable, "since": (now - timedelta(days=5)).isoformat()}
        await is_said(page, "put into Stable")
        line = f"Stable: from {now - timedelta(days=5):%Y-%m-%d}"
        async with open_browser("rob") as where:
            await opened(where, "stayer", tab="/changes")
            await ann.patch("/api/devices/stayer", json=body)
            await where.locator(".dm-where").get_by_text(line).wait_for()
        # Another scale is marked; what begins where the other one ends with the same is none.
        for since, until in ((3, 2), (2, 1)):
            times = {"since": now - timedelta(days=since), "until": now - timedelta(days=until)}
            body = {"series": f"stayer/{TEMPERATURE}", "gain": 2, "offset": -0.5}
            body |= {name: at.isoformat() for name, at in times.items()}
            assert (await ann.put("/api/calibrations", json=body)).status_code == 204
        async with store_of(web) as store:
            scales = ((90, AS_SENT), (80, SourceScale("F")))
            await stored(store, [
                Reading(temperature("stayer"), 15.0, now - timedelta(minutes=ago), source=scale)
                for ago, scale in scales
            ])  # fmt: skip
        await opened(page, "stayer", "?span=week")
        for once in ("2 × measured − 0.5", "as measured", "source in °F, before in °C"):  # noqa: RUF001
            await is_said(page, f"Temperature: {once}")
            twice = re.compile(f"Temperature: {re.escape(once)}.*Temperature: {re.escape(once)}")
            await expect(chart(page)).not_to_have_attribute("aria-label", twice)
        query = {"series": f"stayer/{TEMPERATURE}", "resolution": "hourly",
                 "since": (now - timedelta(days=5)).isoformat()}  # fmt: skip
        [one] = (await ann.get("/api/readings", params=query)).json()["series"]
        assert [(c["unit"], c["text"]) for c in one["source"]] == [
            ("°F", "source in °F, before in °C"),
        ]  # fmt: skip
        scale = [(datetime.fromisoformat(c["at"]), c["gain"], c["offset"]) for c in one["scale"]]
        assert scale == [
            (now - timedelta(days=3), 2.0, -0.5), (now - timedelta(days=1), 1.0, 0.0),
        ]  # fmt: skip


async def test_readings_are_removed_on_a_devices_page_by_who_administers(web, ann, open_browser):
    await seeded(web, temperature("spoilt"), [(n * 600, 20.0) for n in range(144)])
    async with open_browser("rob") as page:
        await opened(page, "spoilt", tab="/changes")
        await page.get_by_text("Nothing of it was removed.").wait_for()
        await opened(page, "spoilt", tab="/settings")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("region", name="Delete readings")).to_have_count(0)
        await expect(page.get_by_role("region", name="Danger zone")).to_have_count(0)
    async with open_browser("ann") as page:
        await opened(page, "spoilt", tab="/settings")
        part, now = page.get_by_role("region", name="Delete readings"), datetime.now(UTC)
        since, until = now - timedelta(days=2), now - timedelta(hours=12)
        await part.get_by_label("From (empty: all)").fill(f"{since:%Y-%m-%dT%H:%M:%S}")
        await part.get_by_role("button", name="Remove").click()
        await part.get_by_text("A span has two ends.").wait_for()
        await part.get_by_label("Until").fill(f"{until:%Y-%m-%dT%H:%M:%S}")
        await part.get_by_role("button", name="Remove").click()
        dialog = page.get_by_role("alertdialog")
        await dialog.get_by_text("This cannot be undone.").wait_for()
        await dialog.get_by_role("button", name="Remove").click()
        await part.get_by_text("removed.").wait_for()
        await opened(page, "spoilt", tab="/changes")
        await page.get_by_text("ann removed").wait_for()
    [told] = (await ann.get("/api/removals", params={"device": "spoilt"})).json()
    query = {"series": f"spoilt/{TEMPERATURE}", "resolution": "raw", "since": since.isoformat()}
    [left] = (await ann.get("/api/readings", params=query)).json()["series"]
    assert (told["what"], told["readings"] + len(left["points"])) == ("span", 144)
    assert 0 < len(left["points"]) < 144


async def test_what_is_odd_is_said_marked_and_muted(web, open_browser):
    samples = series("indoor", 1, 31)
    stuck = samples[-A_DAY // 2][1]
    samples[-A_DAY // 2 :] = [(at, stuck) for at, _ in samples[-A_DAY // 2 :]]
    await seeded(web, temperature("odd"), samples)
    async with open_browser("ann") as page:
        await opened(page, "odd")
        said = page.locator(".dm-odd li")
        await said.get_by_text(f"Temperature: exactly {stuck:.1f} °C since").wait_for()
        await said.get_by_role("button", name="Mute Temperature, stuck").click()
        await page.get_by_text("for good", exact=True).click()
        await said.get_by_text("muted for good").wait_for()
        async with open_browser("rob") as reader:
            await opened(reader, "odd")
            await reader.locator(".dm-odd").get_by_text("muted for good").wait_for()
            await expect(reader.get_by_role("button", name="Unmute")).to_have_count(0)
        await said.get_by_role("button", name="Unmute Temperature, stuck").click()
        await said.get_by_role("button", name="Mute Temperature, stuck").wait_for()
