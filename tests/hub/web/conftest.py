"""Browsers that are logged in at the tests' hub."""

from __future__ import annotations

import contextlib

import pytest
import pytest_asyncio
from playwright.async_api import Error, expect

from tests.hub.people.joined import client_of
from tests.support.browser import browser_of

# Playwright's own 5 s are short on a machine that runs other tests beside.
expect.set_options(timeout=30_000)

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium():
    """One browser for a module; contexts of it share nothing."""
    async with browser_of() as browser:
        yield browser


@pytest.fixture
def open_browser(chromium, web, web_url):
    """`async with open_browser("ann", phone=True, dark=True) as page`: logged in, on no page yet.

    `person` None: not logged in. `size` is that of the window (width, height) in px. Raises at the
    end when the page wrote an error to its console.
    """

    @contextlib.asynccontextmanager
    async def opened(
        person="ann",
        *,
        phone=False,
        dark=False,
        hub=None,
        errors_allowed=False,
        size=None,
        locale="en-GB",
    ):
        window = {"width": size[0], "height": size[1]} if size else PHONE if phone else DESKTOP
        url = web_url if hub is None else f"http://127.0.0.1:{hub.facts['http_port']}"
        context = await chromium.new_context(
            base_url=url,
            viewport=window,
            has_touch=phone,
            is_mobile=phone,
            color_scheme="dark" if dark else "light",
            locale=locale,
            reduced_motion="reduce",
        )
        said: list[str] = []
        try:
            if person is not None:
                async with client_of(hub or web, person) as client:
                    await context.add_cookies(
                        [{"name": c.name, "value": c.value, "url": url} for c in client.cookies.jar]
                    )
            page = await context.new_page()
            page.set_default_timeout(40_000)
            page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            try:
                yield page
            except Exception as error:
                error.add_note(await _seen(page))
                raise
            assert errors_allowed or not said, said
        finally:
            await context.close()

    return opened


async def _seen(page) -> str:
    """What the page showed when a test failed: without it, a wait in vain says nothing."""
    try:
        text = await page.locator("body").inner_text(timeout=5_000)
    except Error as error:  # it may be closed, or be what hangs
        text = str(error)
    return f"the page was {page.url} and showed:\n{text}"
