"""A real browser, as a captive one: Debian's Chromium, where every name leads to one port."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, async_playwright

__all__ = ["captive_browser"]

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
async def captive_browser(folder: str, port: int) -> AsyncIterator[BrowserContext]:
    """Chromium without scripts, with its profile in `folder`; any address is 127.0.0.1:`port`."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not installed: sh .ci/packages tests")
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
