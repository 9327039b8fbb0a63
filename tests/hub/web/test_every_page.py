"""Every page there is, in each size and colour: a picture to look at, and axe-core's findings.

The pages are those the running hub serves: a new one is tested the day it is made.
"""

from __future__ import annotations

import re
import secrets

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe

from tests.hub.people.joined import invite
from tests.hub.web.examined import findings, fits
from tests.hub.web.furnished import furnish
from tests.hub.web.pictures import picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

READY = "window.did_handshake && window.socket.connected"
# Content that comes after the page itself: wait until nothing was added for a while.
QUIET = """() => new Promise(done => {
  let timer = setTimeout(done, 500);
  const watch = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 500); });
  watch.observe(document.body, {childList: true, subtree: true});
  setTimeout(done, 8000);
})"""
DRAWN = (
    "[...document.querySelectorAll('.dm-chart')].every(one => one.querySelector('[data-drawn]'))"
)
# Quasar's own colours fade over a third of a second.
IN_COLOUR = """colour => document.body.classList.contains(`body--${colour}`)
  && document.getAnimations().every(one => one.playState !== 'running'
    || one.effect.getTiming().iterations === Infinity)"""
# Plain answers among the GET routes: no pages.
FILES = (
    "/static/",
    "/favicon.ico",
    "/session",
    "/find",
    "/badge",
    "/healthz",
    "/metrics",
    "/api/",
    "/_nicegui",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(web, ann) -> list[str]:
    """Paths of all pages, on a home that is lived in."""
    values = await furnish(web, ann)
    made = await invite(web, role="reader", note="the neighbours")
    values["token"] = made["path"].rpartition("/")[2]
    routes = await web.ask("GET", "/routes")
    found = {
        one["path"]
        for one in routes
        if one["method"] == "GET" and not one["path"].startswith(FILES)
    }
    lacking = [p for p in found if set(re.findall(r"{(\w+)", p)) - values.keys()]
    assert not lacking, f"tests/hub/web/furnished.py has to say what stands in {lacking}"
    paths = [re.sub(r"{(\w+)[^}]*}", lambda m: values[m.group(1)], p) for p in sorted(found)]
    return [*paths, "/nothing/here"]  # and what is shown where there is nothing


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_every_page(pages, open_browser, phone):
    """A phone is dark when it comes and turns light; a desktop the other way round."""
    wrong: list[str] = []
    axe = Axe()
    async with (
        open_browser("ann", phone=phone, dark=phone, errors_allowed=True) as page,
        open_browser(None, phone=phone, dark=phone, errors_allowed=True) as stranger,
    ):
        for path in pages:
            plain = path.startswith(("/login", "/join/"))
            tab = stranger if plain else page
            answer = await tab.goto(path)
            assert answer.status in {200, 404}, (path, answer.status)
            live = bool(answer.headers.get("x-nicegui-content"))
            if live:
                await tab.wait_for_function(READY)
                await tab.evaluate(QUIET)
            name = re.sub(r"\W+", "-", path).strip("-")
            name = "join" if path.startswith("/join") else name or "home"
            for colour in ("dark", "light") if phone else ("light", "dark"):
                await tab.emulate_media(color_scheme=colour)
                if live:
                    await tab.wait_for_function(DRAWN)
                    await tab.wait_for_function(IN_COLOUR, arg=colour)
                await picture(tab, f"all-{name}-{'phone' if phone else 'desktop'}-{colour}")
                wrong += [f"{path}, {colour}: {finding}" for finding in await findings(axe, tab)]
            await fits(tab)
            await tab.emulate_media(color_scheme="dark" if phone else "light")
    assert not wrong, "\n".join(wrong)


async def test_axe_is_awake(open_browser):
    """A page with a fault is found at fault: what it says of the others counts for something."""
    async with open_browser("ann") as page:
        await page.goto("/account")
        await page.wait_for_function(READY)
        mark = secrets.token_hex(4)
        await page.evaluate(
            "m => document.querySelector('main').insertAdjacentHTML('beforeend',"
            " `<img src='/static/icon.svg' data-mark='${m}'><button></button>`)",
            mark,
        )
        found = await findings(Axe(), page)
        assert any("image-alt" in one and mark in one for one in found), found
        assert any("button-name" in one for one in found), found
