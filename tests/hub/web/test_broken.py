"""What people see when something in the hub is broken: what to do, and no internals."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
from playwright.async_api import expect
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.database.postgres import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")

INTERNALS = ("Traceback", "psycopg", "UndefinedFunction", "dormouse.members", "SELECT", "/hub/")


@contextlib.asynccontextmanager
async def without(hub, function: str):
    """The database lacks a function for a while."""
    postgres = Postgres(hub.data_dir / "postgres")
    url = make_conninfo(postgres.admin_url, dbname=conninfo_to_dict(postgres.app_url)["dbname"])
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute(f"ALTER FUNCTION dormouse.{function} RENAME TO away".encode())
        try:
            yield
        finally:
            await conn.execute(f"ALTER FUNCTION dormouse.away RENAME TO {function}".encode())


async def test_a_page_that_fails_says_so_without_internals(web, ann):
    async with without(web, "members"):
        answer = await ann.get("/people")
    assert answer.status_code == 500
    assert "its log says why" in answer.text
    assert not any(word in answer.text for word in INTERNALS)
    assert "members() does not exist" in web.log.read_text()
    assert (await ann.get("/people")).status_code == 200


async def test_a_button_that_fails_says_so(web, open_browser):
    async with open_browser("ann") as page:
        await page.goto("/people")
        await page.wait_for_function("window.did_handshake")
        async with without(web, "invite"):
            await page.get_by_role("button", name="Create a link").click()
            await expect(
                page.get_by_text("That did not work; the hub's log says why.")
            ).to_be_visible()
        await page.get_by_role("button", name="Create a link").click()
        await expect(page.get_by_label("Link", exact=True)).to_be_visible()


async def test_a_log_in_without_a_database_says_so(web, nobody, open_browser):
    async with open_browser("ann", errors_allowed=True) as page:
        await page.goto("/people")
        await page.wait_for_function("window.did_handshake")
        async with without(web, "session_find"):
            answer = await nobody.get("/session", headers={"Cookie": "dormouse_session=x"})
            assert answer.status_code == 503
            answer = await nobody.get("/people", headers={"Cookie": "dormouse_session=x"})
            assert answer.status_code == 500
            assert not any(word in answer.text for word in INTERNALS)
            # A page that hears nothing more does not reload into an error, but says what it knows.
            await page.evaluate("window.dormouse.beat = () => {}")
            await expect(page.get_by_role("alert").filter(has_text="its database")).to_be_visible(
                timeout=25_000
            )
        await expect(page.get_by_role("alert").filter(has_text="its database")).to_have_count(
            0, timeout=20_000
        )
        await expect(page.get_by_role("heading", level=1)).to_have_text("People of home")
