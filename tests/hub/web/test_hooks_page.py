"""Hooks in a browser: a run begun and read, a new secret seen once, a hook removed."""

from __future__ import annotations

import hashlib
import hmac
import json

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe

from tests.support.hub import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

NEW = {
    "name": "firmware", "source": "github", "repository": "https://nowhere.invalid/o/r.git",
    "branch": "main", "chain": {"steps": [{"kind": "test", "command": "true"}]},
}  # fmt: skip


async def test_a_hook_is_run_gets_another_secret_and_goes(open_browser, full):
    await full.ask("POST", "/hooks", json=NEW)
    async with open_browser("ann") as page:
        await page.goto("/hooks")
        await page.wait_for_function("window.did_handshake")
        row = page.get_by_role("listitem").filter(has_text="posts to /hook/firmware")
        await row.get_by_role("button", name="Run firmware now").click()

        async def ended() -> bool:
            [run] = await full.ask("GET", "/hooks/runs")
            return run["state"] == "failed"

        await until(ended)
        await page.get_by_role("button", name="Refresh").click()
        said = "fetch failed: the name nowhere.invalid does not resolve"
        await page.get_by_text(said, exact=True).wait_for()
        found = (await Axe().run(page)).response["violations"]
        grave = [one for one in found if one["impact"] in {"serious", "critical"}]
        assert not grave, [(one["id"], one["nodes"][0]["html"]) for one in grave]

        # The secret is shown this once, and counts.
        await row.get_by_role("button", name="New secret for firmware").click()
        await page.get_by_role("button", name="Make it").click()
        secret = await page.get_by_test_id("secret").inner_text()
        await page.get_by_role("button", name="Done").click()
        await page.get_by_test_id("secret").wait_for(state="detached")
        assert secret not in await page.content()
        body = json.dumps({"ref": "refs/heads/other", "after": "a" * 40}).encode()
        mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        async with httpx.AsyncClient() as client:
            answer = await client.post(
                f"http://127.0.0.1:{full.facts['http_port']}/hook/firmware", content=body,
                headers={"x-github-event": "push", "x-hub-signature-256": f"sha256={mac}"},
            )  # fmt: skip
        assert answer.status_code == 200, answer.text

        await row.get_by_role("button", name="Remove firmware").click()
        await page.get_by_role("button", name="Remove", exact=True).click()
        await row.wait_for(state="detached")
        await page.get_by_text("No hooks yet.").wait_for()
        assert await full.ask("GET", "/hooks") == []


async def test_readers_have_no_such_page(rob):
    assert (await rob.get("/hooks", headers={"Accept": "text/html"})).status_code == 403
