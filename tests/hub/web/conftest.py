"""A hub with people in two tenants, and browsers and clients that are logged in."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.hub.web.people import PASSWORD, PEOPLE, client_of, join
from tests.support.browser import browser_of
from tests.support.hub import HubProcess

# Playwright's own 5 s are short on a machine that runs other tests beside.
expect.set_options(timeout=30_000)

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@contextlib.asynccontextmanager
async def hub_with_people(
    empty_hub: Path, people: dict[str, dict[str, str]] = PEOPLE, **settings: str
) -> AsyncIterator[HubProcess]:
    """A hub of its own, with these people."""
    with tempfile.TemporaryDirectory(prefix="dm", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy = ["cp", "-a", empty_hub, folder / "data"]
        await asyncio.to_thread(subprocess.run, copy, check=True)
        hub = HubProcess(folder / "data", **settings)
        await hub.start()
        try:
            for person, roles in people.items():
                for tenant, role in roles.items():
                    await join(hub, person, tenant, role)
            yield hub
        finally:
            if hub.process is not None and hub.process.returncode is None:
                try:
                    await hub.stop()
                except TimeoutError:
                    await hub.kill()
                    raise


@pytest.fixture(scope="session")
def peopled_hub(empty_hub, once):
    """The data folder of a hub that everybody has joined: modules copy it, which is quicker than
    making so many passwords each time."""

    async def make(folder: Path) -> None:
        folder.mkdir(mode=0o755)
        async with hub_with_people(empty_hub) as hub:
            assert await hub.stop() == 0
            await asyncio.to_thread(
                subprocess.run, ["cp", "-a", hub.data_dir, folder / "data"], check=True
            )

    return once.make("people", lambda folder: asyncio.run(make(folder))) / "data"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(peopled_hub) -> AsyncIterator[HubProcess]:
    """A hub with people, one for all tests of a module."""
    async with hub_with_people(peopled_hub, people={}) as hub:
        yield hub


@pytest.fixture(scope="module")
def web_url(web: HubProcess) -> str:
    return f"http://127.0.0.1:{web.facts['http_port']}"


@pytest_asyncio.fixture(loop_scope="module")
async def nobody(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client without a session, that says it is a browser on the dashboard."""
    async with client_of(web) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ann(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client logged in as administrator of home."""
    async with client_of(web, "ann") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rob(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """As reader of home."""
    async with client_of(web, "rob") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def eve(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """As administrator of another tenant, beach, who sees nothing of home."""
    async with client_of(web, "eve") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium():
    """One browser for a module; contexts of it share nothing."""
    async with browser_of() as browser:
        yield browser


@pytest.fixture
def open_browser(chromium, web, web_url):
    """`async with open_browser("ann", phone=True, dark=True) as page`: logged in, on no page yet.

    `person` None: not logged in. Raises at the end when the page wrote an error to its console.
    """

    @contextlib.asynccontextmanager
    async def opened(person="ann", *, phone=False, dark=False, hub=None, errors_allowed=False):
        url = web_url if hub is None else f"http://127.0.0.1:{hub.facts['http_port']}"
        context = await chromium.new_context(
            base_url=url,
            viewport=PHONE if phone else DESKTOP,
            has_touch=phone,
            is_mobile=phone,
            color_scheme="dark" if dark else "light",
            locale="en-GB",
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
            yield page
            assert errors_allowed or not said, said
        finally:
            await context.close()

    return opened


__all__ = ["DESKTOP", "PASSWORD", "PHONE", "hub_with_people"]
