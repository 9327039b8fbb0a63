"""Pages when all is not as usual: nothing there yet, no permission, nothing found, the database or
the hub away; in each language, for axe at every level, and at 400 % zoom.
"""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.hub.web.furnished import FIRST, furnish
from tests.hub.web.pictures import picture
from tests.hub.web.test_broken import without
from tests.hub.web.test_every_page import FILES, QUIET, READY
from tests.support.hub import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCALES = ("en-GB", "de-DE", "fr-FR")
ZOOMED = (320, 256)  # px: a window of 1280 x 1024 at 400 %
# Controls that cannot be brought into view, or are covered there, by their names.
UNREACHABLE = """() => {
  const wide = document.documentElement.clientWidth, wrong = [];
  const all = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  for (const one of document.querySelectorAll(all)) {
    const seen = one.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
    if (!seen || one.disabled || one.closest('[aria-hidden=true], .q-drawer, .dm-skip')) continue;
    const box = () => one.getBoundingClientRect();
    if (box().width <= 1 || box().height <= 1) continue;
    one.scrollIntoView({block: 'center', inline: 'nearest'});
    const {left, right, top, bottom} = box();
    const name = one.getAttribute('aria-label') || one.textContent.trim() || one.outerHTML;
    if (left < -1 || right > wide + 1) wrong.push(`${name.slice(0, 60)}: from ${left} to ${right}`);
    const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const own = at && (one.contains(at) || at.contains(one) || at.closest('label')?.contains(one)
      || one.closest('.q-field')?.contains(at));
    if (!own) wrong.push(`${name.slice(0, 60)}: covered by ${at?.outerHTML.slice(0, 80)}`);
  }
  scrollTo(0, 0);
  return wrong;
}"""


async def findings(page) -> list[str]:
    """What axe has to say, of any level."""
    result = await Axe().run(page)
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:120]} {node.get('failureSummary')!r}"
        for one in result.response["violations"]
        for node in one["nodes"][:3]
    ]


async def routes_of(web) -> list[str]:
    """Paths of pages without parameters, for who is logged in."""
    routes = await web.ask("GET", "/routes")
    found = {one["path"] for one in routes if one["method"] == "GET" and "{" not in one["path"]}
    return sorted(one for one in found if not one.startswith((*FILES, "/login")))


async def settled(page, path: str) -> int:
    """Go there, wait until it is whole; the status."""
    answer = await page.goto(path)
    if answer.headers.get("x-nicegui-content"):
        await page.wait_for_function(READY)
        await page.evaluate(QUIET)
    return answer.status


@pytest.mark.parametrize("locale", LOCALES)
async def test_where_there_is_nothing_yet(web, open_browser, locale):
    wrong: list[str] = []
    async with open_browser("ann", locale=locale, errors_allowed=True) as page:
        for path in await routes_of(web):
            status = await settled(page, path)
            assert status == 200, (path, status)
            spoken = await page.locator("html").get_attribute("lang")
            assert spoken.startswith(locale[:2]), (path, spoken)
            name = re.sub(r"\W+", "-", path).strip("-") or "home"
            await picture(page, f"state-empty-{name}-{locale[:2]}")
            wrong += [f"{path}: {one}" for one in await findings(page)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("locale", LOCALES)
async def test_what_is_refused_or_not_there_or_broken(web, open_browser, locale):
    """Says what, leads on, and is without findings; in the reader's language."""
    wrong: list[str] = []
    async with open_browser("rob", locale=locale, errors_allowed=True) as page:
        refused = [(path, 403) for path in ("/system", "/people", "/access", "/add", "/tokens")]
        for path, expected in (*refused, ("/nothing/here", 404), ("/devices/esp8266_0", 404)):
            status = await settled(page, path)
            assert status == expected, (path, status)
            await expect(page.get_by_role("heading", level=1)).to_have_count(1)
            await expect(page.locator("main a.button, main .dm-button").first).to_be_visible()
            await picture(page, f"state-{status}-{locale[:2]}")
            wrong += [f"{path}: {one}" for one in await findings(page)]
    async with open_browser("ann", locale=locale, errors_allowed=True) as page:
        async with without(web, "members"):
            assert await settled(page, "/people") == 500
            await picture(page, f"state-500-{locale[:2]}")
            wrong += [f"500: {one}" for one in await findings(page)]
        await settled(page, "/")
        # The hub does not answer any more: said in a bar, what is shown stays.
        await page.route("**/session", lambda route: route.abort())
        await page.evaluate("window.dormouse.beat = () => {}")
        bar = page.locator("#dm-unreachable")
        await expect(bar).to_be_visible(timeout=30_000)
        await expect(page.locator("body")).to_have_class(re.compile("dm-away"))
        await picture(page, f"state-unreachable-{locale[:2]}")
        wrong += [f"unreachable: {one}" for one in await findings(page)]
        await page.unroute("**/session")
        await expect(bar).to_be_hidden(timeout=30_000)
    assert not wrong, "\n".join(wrong)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived_in(web, ann) -> dict[str, str]:
    """A home with devices; comes after the tests of an empty one."""
    return await furnish(web, ann)


@pytest.mark.parametrize("locale", LOCALES)
async def test_at_four_hundred_percent(web, open_browser, lived_in, locale):
    """No page is wider than its window, and every control can be brought into view."""
    wrong: list[str] = []
    tabs = [f"/devices/{FIRST}{tab}" for tab in ("", "/health", "/changes", "/settings")]
    more = [*tabs, f"/updates/{lived_in['number']}"]
    async with open_browser("ann", size=ZOOMED, locale=locale, errors_allowed=True) as page:
        for path in [*await routes_of(web), *more]:
            status = await settled(page, path)
            assert status in {200, 404}, (path, status)
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            wrong += [f"{path}: {over} px wider than the window"] * (over > 0)
            wrong += [f"{path}: {one}" for one in await page.evaluate(UNREACHABLE)]
            name = re.sub(r"\W+", "-", path).strip("-") or "home"
            await picture(page, f"zoom-{name}-{locale[:2]}")
    assert not wrong, "\n".join(wrong)


async def test_what_is_out_of_reach_is_noticed(open_browser):
    """What is said of the others counts for something."""
    async with open_browser("ann", size=ZOOMED) as page:
        await settled(page, "/account")
        assert await page.evaluate(UNREACHABLE) == []
        await page.evaluate(
            "html => document.querySelector('#content').insertAdjacentHTML('afterbegin', html)",
            '<div style="overflow:clip;height:40px;position:relative">'
            '<button style="position:absolute;left:330px">Beside</button>'
            '<button>Below</button><p style="position:absolute;inset:0"></p></div>',
        )
        said = "\n".join(await page.evaluate(UNREACHABLE))
        assert "Beside: from" in said
        assert "Below: covered" in said


SAID = """() => {
  const said = new Set(), hidden = 'script, style, .q-icon, code, pre, kbd, .dm-log';
  const page = document.querySelector('#content');
  const words = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const text = words.currentNode;
    if (!text.parentElement.closest(hidden)) said.add(text.textContent.trim());
  }
  for (const one of page.querySelectorAll('[aria-label]')) said.add(one.ariaLabel);
  return [...said].filter(one => /[A-Za-z]{2}/.test(one));
}"""
# The same in both languages, or nobody's words: names, units, programs, settings of the hub.
ALIKE = re.compile(
    r"Filter|Form|Firmware|Hooks|Hub|Broker|Tokens|Name|WiFi|CSV|Parquet|PNG|MQTT|PostgreSQL|info|in"
    r"|Updates|System|Apple Home|Dormouse|home|ann|rob|max|eve|python-httpx.*|\d+ (min|h)"
    r"|.?[\d.]+ (KB|dBm)|Firmware [\d.]+|data_dir, [\w, ]*|.*esp\d+_\w+\)?|esp\d+ \w+"
    r"|((House|Garden|Cellar|Attic|Kitchen|Ground floor|Greenhouse)( \u203a )?)+|Kitchen window"
    r"|Attic <b>|Greenhouse above 5 degrees"
)


async def test_a_german_page_says_nothing_in_english(web, ann, open_browser, lived_in):
    """What stands on a page in both languages is forgotten English, or known to be alike."""
    for sentence in ("Greenhouse above 5 degrees", "unusual values", "disk nearly full"):
        made = await ann.post("/api/notifications/rules", json={"sentence": sentence})
        assert made.status_code in {200, 201}, made.text

    async def told() -> bool:  # the hub looks twice a minute
        found = (await ann.get("/api/notifications")).json()
        return any(one["name"] == "Greenhouse" for one in found)

    await until(told, 120)
    tabs = [f"/devices/{FIRST}{tab}" for tab in ("", "/health", "/changes", "/settings")]
    paths = [*await routes_of(web), *tabs, f"/updates/{lived_in['number']}"]
    said: dict[str, set[str]] = {}
    for locale in ("en-GB", "de-DE"):
        async with open_browser("ann", locale=locale, errors_allowed=True) as page:
            for path in paths:
                if path != "/log":  # it is the hub's, in English
                    await settled(page, path)
                    texts = await page.evaluate(SAID)
                    # Times and numbers go on from one look to the next.
                    said[locale + path] = {re.sub(r"\d+", "0", text) for text in texts}
    both = {
        f"{path}: {text}"
        for path in paths
        for text in said.get("en-GB" + path, set()) & said.get("de-DE" + path, set())
        if not ALIKE.fullmatch(text)
    }
    assert not both, "\n".join(sorted(both))
