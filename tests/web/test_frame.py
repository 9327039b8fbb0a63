"""The frame that all pages stand in."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_page_opens_for_who_is_logged_in(open_browser):
    async with open_browser("ann") as page:
        await page.goto("/account")
        assert await page.get_by_role("heading", level=1).inner_text() == "Account"
        await page.wait_for_function("window.did_handshake")
        await page.get_by_text("You are ann, administrator of home.").wait_for()
