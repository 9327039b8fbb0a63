"""How quick the dashboard is, in a real browser on this machine.

`web.month_ms`: from the click on "Month" to the chart of one series (readings every 5 minutes for
30 days) drawn; the median of several clicks.
`web.home_first_paint_ms`, `web.home_complete_ms`: the home page with 100 devices, from the
navigation to the first content and to the last device.
`web.home_cpu_percent`: what the hub's process takes of a core while that page is open and each
device reports every 5 minutes; `web.idle_cpu_percent`: the same with no page open.
`web.home_news_ms`, `web.device_news_ms`: from a device's write of a new reading to its text on the
home page, on the device's own; the median of several.
`web.ended_session_ms`: from the call that ends a session to its open page at the log-in.
`web.pages_20_*`: 20 open home pages: the hub's processor time and memory, and until a new reading
is on the last of them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page

from tests.bench.report import note, report
from tests.hub.people.joined import client_of, join, url_of
from tests.hub.web.furnished import month
from tests.hub.web.speakers import call_it
from tests.support.browser import browser_of
from tests.support.hub import HubProcess, until
from tests.support.publisher import Publisher

DEVICES, PAGES, CLICKS, WATCH_S = 100, 20, 7, 20.0
CONNECTED = "window.did_handshake && window.socket.connected"
TOPIC = "TemperatureSensor/CurrentTemperature"
ALL = f"document.querySelectorAll('[data-device]').length >= {DEVICES}"

# From the click to ECharts' own word that all is drawn.
CLICK = """label => new Promise(done => {
  const chart = document.querySelector('[data-drawn]');
  const button = [...document.querySelectorAll('button')].find(b => b.innerText.trim() === label);
  const before = chart.dataset.drawn;
  let began;
  const watch = new MutationObserver(() => {
    if (chart.dataset.drawn === before) return;
    watch.disconnect();
    done(performance.now() - began);
  });
  watch.observe(chart, {attributes: true, attributeFilter: ['data-drawn']});
  began = performance.now();
  button.click();
})"""

PAINT = """() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"""


@asynccontextmanager
async def _hub() -> AsyncIterator[HubProcess]:
    folder = Path(tempfile.mkdtemp(prefix="dm", dir="/tmp"))
    folder.chmod(0o755)
    hub = HubProcess(folder / "data", forked=False)
    try:
        await hub.start()
        await join(hub, "ann", "home", "administrator")
        yield hub
    finally:
        if hub.process is not None and hub.process.returncode is None:
            await hub.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _fill(hub: HubProcess) -> list[Publisher]:
    made = []
    for number in range(DEVICES):
        one = Publisher(f"sensor_{number}", hub.facts["mqtt_port"], hub.facts["enrol_port"])
        await one.enrol()
        await one.send(f"HomeKit/{one.device}/{TOPIC}", b"20.5", tag=1)
        await one.drain()
        made.append(one)

    async def complete() -> bool:
        return sum(bool(d["values"]) for d in (await hub.status())["devices"]) > DEVICES

    await until(complete, limit_s=60)
    for number, one in enumerate(made):
        await call_it(hub, one.device, f"Sensor {number}", "House", f"Room {number % 12}")
    return made


@asynccontextmanager
async def _browser(hub: HubProcess, browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        base_url=url_of(hub), viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    async with client_of(hub, "ann") as client:
        await context.add_cookies([
            {"name": c.name, "value": c.value, "url": url_of(hub)} for c in client.cookies.jar
        ])  # fmt: skip
    yield context
    await context.close()


async def run() -> None:
    """Fill a hub, open its pages, measure."""
    async with _hub() as hub, browser_of() as browser:
        note("a month of one series")
        await month(hub, "monthly")
        async with _browser(hub, browser) as context:
            await _month(await context.new_page())
        note(f"{DEVICES} devices on the home page")
        devices = await _fill(hub)
        async with _browser(hub, browser) as context:
            await _home(hub, context, devices)
        async with _browser(hub, browser) as context:
            await _ended(hub, await context.new_page())
        for one in devices:
            await one.close()


async def _month(page: Page) -> None:
    await page.goto("/devices/monthly")
    await page.wait_for_function(CONNECTED)
    await page.wait_for_selector("[data-drawn]")
    took = []
    for _ in range(CLICKS):
        took.append(await page.evaluate(CLICK, "Month"))
        await page.evaluate(CLICK, "Day")
    report("web.month_ms", statistics.median(took), "ms", "<= 300")
    report("web.month_worst_ms", max(took), "ms")


async def _home(hub: HubProcess, context: BrowserContext, devices: list[Publisher]) -> None:
    idle = await _share(hub, devices)
    first, complete = [], []
    for _ in range(4):
        page = await context.new_page()
        began = time.monotonic()
        await page.goto("/")
        await page.wait_for_function(ALL)
        complete.append((time.monotonic() - began) * 1000)
        await page.wait_for_function(PAINT)
        first.append(await page.evaluate(PAINT))
        await page.close()
    # The first of them filled the browser's cache.
    report("web.home_cold_first_paint_ms", first[0], "ms", "<= 1000")
    report("web.home_first_paint_ms", statistics.median(first[1:]), "ms", "<= 1000")
    report("web.home_complete_ms", statistics.median(complete[1:]), "ms")
    report("web.idle_cpu_percent", idle, "%")
    pages = [await _open(context)]
    where = f"[data-device={devices[0].device}]"
    report("web.home_news_ms", await _median_news(pages[0], devices[0], where), "ms", "<= 1000")
    page = await context.new_page()
    await page.goto(f"/devices/{devices[0].device}")
    await page.wait_for_function(CONNECTED)
    where = f'[data-series="{TOPIC.replace("/", "/0/")}"]'
    report("web.device_news_ms", await _median_news(page, devices[0], where), "ms", "<= 1000")
    await page.close()
    report("web.home_cpu_percent", await _share(hub, devices), "%", "<= 2")
    note(f"{PAGES} open pages")
    pages += [await _open(context) for _ in range(PAGES - 1)]
    report("web.pages_20_cpu_percent", await _share(hub, devices), "%")
    report("web.pages_20_rss_mb", _rss_mb(hub), "MB")
    report("web.pages_20_news_ms", await _news(pages[-1], devices[0]), "ms", "<= 1000")


async def _ended(hub: HubProcess, page: Page) -> None:
    await page.goto("/account")
    await page.wait_for_function(CONNECTED)
    began = time.monotonic()
    await hub.ask("POST", "/people/logout", json={"name": "ann"})
    await page.wait_for_url("**/login**")
    report("web.ended_session_ms", (time.monotonic() - began) * 1000, "ms", "<= 2000")


async def _median_news(page: Page, one: Publisher, where: str) -> float:
    took = []
    for value in range(31, 31 + CLICKS):
        began = time.monotonic()
        await one.send(f"HomeKit/{one.device}/{TOPIC}", str(value).encode(), tag=6000 + value)
        await page.locator(where).get_by_text(f"{value}.0").first.wait_for()
        took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


async def _open(context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto("/")
    await page.wait_for_function(f"{ALL} && {CONNECTED}")
    return page


async def _news(page: Page, one: Publisher) -> float:
    began = time.monotonic()
    await one.send(f"HomeKit/{one.device}/{TOPIC}", b"-31.5", tag=5000)
    await page.get_by_text("-31.5").or_(page.get_by_text("\N{MINUS SIGN}31.5")).first.wait_for()
    return (time.monotonic() - began) * 1000


async def _share(hub: HubProcess, devices: list[Publisher]) -> float:
    """Percent of a core that the hub takes for a while in which devices report as they would."""
    before, began = _cpu_s(hub), time.monotonic()
    n = 0
    while (passed := time.monotonic() - began) < WATCH_S:
        if passed >= n * 300 / DEVICES:
            one = devices[n % DEVICES]
            value = f"{20 + n / 10:.1f}".encode()
            await one.send(f"HomeKit/{one.device}/{TOPIC}", value, tag=10 + n)
            n += 1
        await asyncio.sleep(0.1)
    return 100 * (_cpu_s(hub) - before) / (time.monotonic() - began)


def _cpu_s(hub: HubProcess) -> float:
    assert hub.process is not None
    fields = Path(f"/proc/{hub.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(hub: HubProcess) -> float:
    assert hub.process is not None
    status = Path(f"/proc/{hub.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
