"""Charts do not lie: what Chromium really draws."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.hub.web.chart_cases import AT, GAP, HOUR, NOW, SINCE, cases
from tests.support.hub import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def charts_url():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.hub.web.programs.charts",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        limit=2**24,
    )  # fmt: skip
    process.stdin.write(json.dumps(cases()).encode() + b"\n")
    port = int(await process.stdout.readline())
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    await process.wait()


@pytest_asyncio.fixture(loop_scope="module")
async def draw(chromium, charts_url):
    """Draws a case; gives the page, where `chart` is the ECharts instance."""
    context = await chromium.new_context(
        viewport={"width": 1000, "height": 900}, timezone_id="Asia/Tokyo"
    )

    async def drawn(name: str):
        page = await context.new_page()
        await page.goto(f"{charts_url}/{name}")
        await page.wait_for_selector("[data-drawn]")
        await page.evaluate(
            """async () => {
                const { echarts } = await import("nicegui-echart");
                window.chart = echarts.getInstanceByDom(document.querySelector("[data-drawn]"));
            }"""
        )
        return page

    yield drawn
    await context.close()


def axis(page, number: int = 0):
    return page.evaluate(
        "n => chart.getModel().getComponent('yAxis', n).axis.scale.getExtent()", number
    )


def shapes(page, number: int):
    """The points of each unbroken piece of a series' line, as pixels."""
    return page.evaluate(
        """n => {
            const pieces = [];
            const view = chart.getViewOfSeriesModel(chart.getModel().getSeriesByIndex(n));
            view.group.traverse((el) => {
                if (el.type !== "ec-polyline") return;
                let piece = null;
                const p = el.shape.points;
                for (let i = 0; i < p.length; i += 2) {
                    if (Number.isNaN(p[i]) || Number.isNaN(p[i + 1])) { piece = null; continue; }
                    if (!piece) pieces.push((piece = []));
                    piece.push([p[i], p[i + 1]]);
                }
            });
            return pieces;
        }""",
        number,
    )


async def test_a_gap_is_a_break_and_a_zone(draw):
    page = await draw("gap")
    pieces = await shapes(page, 0)
    assert len(pieces) == 2
    x = await page.evaluate("t => t.map(t => chart.convertToPixel({xAxisIndex: 0}, t))", list(GAP))
    assert pieces[0][-1][0] == pytest.approx(x[0], abs=1)
    assert pieces[1][0][0] == pytest.approx(x[1], abs=1)
    # Every reading is a point of the line: nothing thinned out, nothing added.
    assert sum(map(len, pieces)) == len(AT)
    zone = await page.evaluate(
        "() => chart.getModel().getSeriesByIndex(0).getModel('markArea').get('data')"
    )
    assert [zone[0][0]["xAxis"], zone[0][1]["xAxis"]] == list(GAP)


async def test_pixels_of_the_zone_differ_from_the_background(draw):
    page = await draw("gap")
    x = await page.evaluate("t => chart.convertToPixel({xAxisIndex: 0}, t)", sum(GAP) // 2)
    colours = await page.evaluate(
        """x => {
            const canvas = document.querySelector("[data-drawn] canvas");
            const ratio = canvas.width / canvas.clientWidth;
            const drawn = canvas.getContext("2d");
            const at = (x, y) => [...drawn.getImageData(x * ratio, y * ratio, 1, 1).data];
            return [at(x, 95), at(x - 300, 95)];
        }""",
        x,
    )
    assert colours[0] != colours[1]


async def test_one_unit_is_one_scale(draw):
    page = await draw("same-unit")
    low, high = await axis(page)
    assert low <= 10
    assert high >= 27.4
    y = await page.evaluate(
        "t => [0, 1].map(n => chart.convertToPixel({seriesIndex: n}, [t, 20])[1])", SINCE
    )
    assert y[0] == y[1]


async def test_each_unit_has_a_pane_of_its_own(draw):
    page = await draw("four-scales")
    rects = await page.evaluate(
        "() => [0, 1, 2].map(n => "
        "chart.getModel().getComponent('grid', n).coordinateSystem.getRect())"
    )
    for above, below in pairwise(rects):
        assert above["y"] + above["height"] < below["y"]
        assert (above["x"], above["width"]) == (below["x"], below["width"])
    names = await page.evaluate("() => chart.getOption().yAxis.map(a => a.name)")
    assert names == [
        "Temperature (°C)", "Relative humidity (%)", "Air pressure (hPa)",
        "<img src=x onerror=alert(1)>",
    ]  # fmt: skip


async def test_a_state_is_a_lane_and_changes_are_buttons_at_their_time(draw):
    page = await draw("lanes")
    fills = await page.evaluate(
        """() => {
            const found = [];
            const view = chart.getViewOfSeriesModel(chart.getModel().getSeriesByIndex(1));
            view.group.traverse((el) => {
                if (el.type === "rect") found.push([el.shape.x, el.shape.width]);
            });
            return found;
        }"""
    )
    x = await page.evaluate(
        "t => t.map(t => chart.convertToPixel({xAxisIndex: 1}, t))",
        [SINCE + h * HOUR for h in (1, 2, 20, 22)],
    )
    assert [(a, a + width) for a, width in fills] == [
        pytest.approx(x[:2], abs=0.5),
        pytest.approx(x[2:], abs=0.5),
    ]
    mark = page.get_by_role("button", name="moved to Attic")
    left = await mark.evaluate("one => parseFloat(one.style.left)")
    at = await page.evaluate("t => chart.convertToPixel({xAxisIndex: 3}, t)", SINCE + 6 * HOUR)
    assert left == pytest.approx(at, abs=1)
    # One that is drawn anew as it was is the one that may be pressed just now.
    await mark.evaluate("one => { one.dataset.same = 'yes' }")
    await page.evaluate(
        "() => new Promise(done => { chart.on('finished', () => done()); chart.resize(); })"
    )
    await expect(mark).to_have_attribute("data-same", "yes")
    await mark.click()
    await expect(page.get_by_role("status")).to_contain_text("moved to Attic")


async def test_a_chart_is_read_by_arrow_keys_and_as_a_table(draw):
    page = await draw("lanes")
    await page.locator("[data-drawn]").focus()
    said = page.get_by_role("status")
    await page.keyboard.press("Home")
    await expect(said).to_contain_text(
        "Cellar · Temperature: 10.0 °C; <img src=x onerror=alert(1)>: no"
    )
    await page.keyboard.press("ArrowRight")
    await expect(said).to_contain_text("Cellar · Temperature: 10.0 °C")
    await page.keyboard.press("End")
    await expect(said).to_contain_text(": on")
    await page.get_by_text("As a table").click()
    rows = page.get_by_role("region", name="The chart as a table").locator("tbody tr")
    await expect(rows).to_have_count(len({*AT, SINCE + 22 * HOUR}))
    await expect(rows.nth(12)).to_contain_text("10.5 °C")


async def test_bars_begin_at_zero_and_are_as_high_as_their_value(draw):
    page = await draw("bars")
    assert (await axis(page))[0] == 0
    heights = await page.evaluate(
        """() => {
            const found = [];
            const data = chart.getModel().getSeriesByIndex(0).getData();
            for (let n = 0; n < data.count(); n++)
                found.push(Math.abs(data.getItemLayout(n).height));
            return found;
        }"""
    )
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.01)
    assert heights[1] == pytest.approx(4 * heights[2], rel=0.01)


async def test_panes_have_the_same_time_whatever_is_drawn_in_them(draw):
    page = await draw("bars-and-lines")
    pixels = await page.evaluate(
        "t => [0, 1].map(n => t.map(at => chart.convertToPixel({ xAxisIndex: n }, at)))",
        [SINCE, NOW],
    )
    assert pixels[0] == pytest.approx(pixels[1], abs=0.01)


async def test_a_rollup_is_a_band_with_breaks(draw):
    page = await draw("rollup")
    pieces = await shapes(page, 0)
    assert len(pieces) == 2
    low, high = await axis(page)
    assert low <= -7
    assert high >= 11
    # The band of the first hour goes from its lowest to its highest value.
    band = await page.evaluate(
        """() => {
            const found = [];
            const view = chart.getViewOfSeriesModel(chart.getModel().getSeriesByIndex(2));
            view.group.traverse((el) => {
                if (el.type !== "ec-polygon") return;
                found.push([el.shape.points[1], el.shape.stackedOnPoints[1]]);
            });
            const y = (v) => chart.convertToPixel({ yAxisIndex: 0 }, v);
            return [found[0], [y(0), y(-7)]];
        }"""
    )
    assert band[0] == pytest.approx(band[1], abs=0.6)


async def test_times_are_named_with_their_zone(draw):
    page = await draw("gap")
    # By the place's clock, whatever the browser's is; it is the page that names the zone.
    labels = await page.evaluate(
        """() => {
            const axis = chart.getModel().getComponent('xAxis', 0).axis;
            return axis.getViewLabels().map((one) => one.formattedLabel);
        }"""
    )
    zone = ZoneInfo("Asia/Kathmandu")
    clock = [datetime.fromtimestamp(t / 1000, zone) for t in range(SINCE, NOW, 60_000)]
    hours = [at for at in clock if at.minute == 0 and at.hour % 2 == 0]
    assert labels == [f"{at:%H:%M}" if at.hour else f"{at.day} {at:%b}" for at in hours]
    extent = await page.evaluate(
        "() => chart.getModel().getComponent('xAxis', 0).axis.scale.getExtent()"
    )
    assert extent == [SINCE, NOW]
    told = await _tip(page, SINCE + HOUR)
    assert "GMT+5:45" in told
    assert "Cellar · Temperature: 10.5 °C" in told
    assert "no readings" in await _tip(page, sum(GAP) // 2)


async def test_text_from_outside_stays_text(draw):
    page = await draw("four-scales")
    told = await _tip(page, SINCE + 3 * HOUR)
    assert "<img src=x onerror=alert(1)>: off" in told
    await expect(page.locator("img")).to_have_count(0)


async def test_a_chart_of_nothing_and_a_marked_one_are_drawn(draw):
    await draw("nothing")
    page = await draw("marked")
    marks = await page.evaluate(
        "() => chart.getModel().getSeriesByIndex(0).getModel('markPoint').get('data')"
    )
    assert marks[0]["name"] == "<b>odd</b>"


async def _tip(page, at: int) -> str:
    """What the tooltip says at a time."""
    return await page.evaluate(
        """at => {
            const formatter = chart.getOption().tooltip[0].formatter;
            return formatter([{ axisValue: at }]).innerText;
        }""",
        at,
    )
