"""Making and revoking tokens without curl: the page, and the command line."""

from __future__ import annotations

import json
import os

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]


async def test_a_token_made_on_the_page_works_until_it_is_revoked_there(open_browser, program):
    async with open_browser("ann") as page:
        await page.goto("/tokens")
        await page.wait_for_function("window.did_handshake")
        await page.get_by_label("What it is for").fill("<b>grafana</b>")
        await page.get_by_text("send commands to devices").click()
        await page.get_by_role("button", name="Create").click()
        token = await page.get_by_test_id("secret").inner_text()
        async with program(token) as client:
            me = (await client.get("/api/me")).json()
            assert me["scopes"] == ["command", "read"]
            await page.get_by_role("button", name="Done").click()
            row = page.get_by_role("listitem").filter(has_text="<b>grafana</b>")
            await row.get_by_text("command, read").wait_for()
            await page.get_by_test_id("secret").wait_for(state="detached")
            assert token not in await page.content()
            await row.get_by_role("button", name="Revoke").click()
            await page.get_by_role("button", name="Revoke", exact=True).click()
            await row.wait_for(state="detached")
            assert (await client.get("/api/me")).status_code == 401


async def test_readers_have_no_such_page(open_browser, rob):
    answer = await rob.get("/tokens", headers={"Accept": "text/html"})
    assert answer.status_code == 403
    async with open_browser("rob") as page:
        await page.goto("/account")
        await expect(page.get_by_text("You are rob, reader of home.")).to_be_visible()
        await expect(page.get_by_role("link", name="Tokens")).to_have_count(0)


async def test_the_command_line_makes_lists_and_revokes(full, program):
    env = {**os.environ, "DORMOUSE_DATA_DIR": str(full.data_dir)}
    status, text = await full.command(
        "token", "add", "nightly export", "--scope", "read", "--scope", "metrics", "--days", "7",
        env=env,
    )  # fmt: skip
    assert status == 0, text
    async with program(text.strip()) as client:
        assert (await client.get("/api/me")).json()["scopes"] == ["metrics", "read"]
        status, listed = await full.command("token", "list", "--json", env=env)
        [kept] = [t for t in json.loads(listed) if t["name"] == "nightly export"]
        assert kept["made_by"] == "dormouse token"
        assert kept["expires"]
        status, said = await full.command("token", "revoke", str(kept["id"]), env=env)
        assert (status, said.strip()) == (0, f"token {kept['id']} is revoked")
        assert (await client.get("/api/me")).status_code == 401
    status, said = await full.command("token", "revoke", "99999", env=env)
    assert status == 1
    assert "no token 99999" in said
    status, said = await full.command("token", "list", "--tenant", "nowhere", env=env)
    assert status == 1
    assert "no tenant 'nowhere'" in said
