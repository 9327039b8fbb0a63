"""A real browser, as a captive one: Debian's Chromium, where every name leads to one port."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright

__all__ = ["browser_of", "captive_browser"]

_QUIET = (
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@contextlib.asynccontextmanager
async def browser_of() -> AsyncIterator[Browser]:
    """Chromium as it is, without a profile; nothing but this machine can be reached."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_program(),
            args=[*_QUIET, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        try:
            yield browser
        finally:
            await browser.close()


def _program() -> str:
    # The same engine without the browser around it takes two thirds of the processor's time.
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not installed: sh .ci/packages tests")
    return program


@contextlib.asynccontextmanager
async def captive_browser(folder: str, port: int) -> AsyncIterator[BrowserContext]:
    """Chromium without scripts, with its profile in `folder`; any address is 127.0.0.1:`port`."""
    program = _program()
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            folder,
            executable_path=program,
            args=[*_QUIET, f"--host-resolver-rules=MAP * 127.0.0.1:{port}"],
            java_script_enabled=False,
            viewport={"width": 390, "height": 844},
        )
        try:
            yield context
        finally:
            await context.close()
