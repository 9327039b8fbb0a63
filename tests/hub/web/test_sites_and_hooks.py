"""Sites and hooks in a browser: added, shown, run, read, changed, removed; what is shown once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import shlex
import sys

import httpx
import pytest
from playwright.async_api import expect

from hub.hooks.model import NewHook
from hub.hooks.repository import HookRepository
from tests.hub.web.examined import fits, violations
from tests.hub.web.pictures import picture
from tests.hub.web.speakers import store_of
from tests.support.git_host import git_host
from tests.support.hub import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

READY = "window.did_handshake && window.socket.connected"


async def no_findings(page) -> None:
    found = await violations(page)
    assert not found, [
        (one["id"], one["nodes"][0]["html"], one["nodes"][0].get("failureSummary")) for one in found
    ]
    await fits(page)


async def typed(hub, line: str) -> str:
    """What a command says that the page told to type."""
    words = shlex.split(line)
    assert words[0] == "dormouse"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "host", *words[1:], "--data-dir", str(hub.data_dir), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    return said


async def command(dialog) -> str:
    await dialog.get_by_role("button", name="Show the command").click()
    return await dialog.get_by_test_id("command").inner_text()


async def test_a_hook_is_added_run_changed_and_goes(open_browser, full, short_tmp):
    with git_host(short_tmp / "git") as host:
        copy = host.make("r")
        commit = await asyncio.to_thread(
            host.push, copy, {"check.sh": "echo one is one\necho two is not three\nexit 3\n"}
        )
        async with open_browser("ann") as page:
            await page.goto("/hooks")
            await page.wait_for_function(READY)
            hooks = page.get_by_role("region", name="Hooks")
            runs = page.get_by_role("region", name="Runs")
            await hooks.get_by_text("No hooks yet").wait_for()

            # Added by a command, on the hub's machine; what cannot work is said before.
            await hooks.get_by_role("button", name="Add a hook").click()
            dialog = page.get_by_role("dialog", name="Add a hook")
            await dialog.get_by_label("Name, such as").fill("Firm ware")
            await dialog.get_by_label("Repository").fill(f"{host.url}/r.git")
            await dialog.get_by_role("button", name="Show the command").click()
            await dialog.get_by_text("a hook's name is a small letter").wait_for()
            await dialog.get_by_label("Name, such as").fill("firmware")
            await dialog.get_by_label("Test").fill("sh ./check.sh")
            line = await command(dialog)
            await no_findings(page)
            await picture(page, "hooks-add")
            await dialog.get_by_role("button", name="Close").click()
            said = await typed(full, line)
            assert "/hook/firmware" in said
            assert "secret: " in said
            row = hooks.get_by_role("listitem").filter(has_text="posts to /hook/firmware")
            await row.wait_for()  # without being asked for

            # The step that failed, and its last lines as they were.
            await row.get_by_role("button", name="Run firmware now").click()
            run = runs.get_by_role("listitem").filter(has_text="of firmware: failed").first
            await run.get_by_text("test: ended with status 3: two is not three").wait_for()
            await expect(run.locator("pre")).to_have_text(
                re.compile(r"^\s*one is one\r?\ntwo is not three\s*$")
            )
            await run.get_by_text("Steps of run").click()
            await expect(run.locator("ol > li")).to_have_text(
                [re.compile("^fetch passed(:|$)"), re.compile("^test failed(:|$)")]
            )
            await run.get_by_text(commit[:12]).first.wait_for()
            await no_findings(page)
            await picture(page, "hooks")

            await row.get_by_role("button", name="Change firmware").click()
            dialog = page.get_by_role("dialog", name="Change firmware")
            await dialog.get_by_role("button", name="Show the command").click()
            await dialog.get_by_text("nothing is otherwise").wait_for()
            await dialog.get_by_label("Branch").fill("release/2")
            line = await command(dialog)
            await dialog.get_by_role("button", name="Close").click()
            await typed(full, line)
            await row.get_by_text(f"{host.url}/r.git, release/2").wait_for()

            # The secret is shown this once, and counts.
            await row.get_by_role("button", name="New secret for firmware").click()
            await page.get_by_role("button", name="Make it").click()
            dialog = page.get_by_role("dialog", name="The secret of firmware")
            secret = await dialog.get_by_test_id("secret").inner_text()
            await expect(dialog).not_to_contain_text("hash")
            await dialog.get_by_role("button", name="Done").click()
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
            sure = page.get_by_role("alertdialog", name="Remove firmware?")
            await no_findings(page)
            await sure.get_by_role("button", name="Remove").click()
            await row.wait_for(state="detached")
            await hooks.get_by_text("No hooks yet").wait_for()
            await runs.get_by_text("Nothing was run yet").wait_for()
            assert await full.ask("GET", "/hooks") == []


async def test_what_an_operator_alone_may_is_not_offered_and_refused_in_words(
    open_browser, full, ann
):
    steps = [{"kind": "install", "command": "true", "file": "version"}, {"kind": "update"}]
    new = {"name": "hub", "source": "github", "repository": "https://nowhere.invalid/o/r.git"}
    async with store_of(full) as store:
        repository = HookRepository(store.of("home"))
        number = await repository.add(NewHook(**new, chain={"steps": steps}), "s" * 20, "op")
        async with open_browser("ann", phone=True, dark=True) as page:
            await page.goto("/hooks")
            await page.wait_for_function(READY)
            row = page.get_by_role("listitem").filter(has_text="posts to /hook/hub")
            await row.get_by_text("Run, changed and removed on the hub's machine.").wait_for()
            await expect(row.get_by_role("button")).to_have_count(0)
            await no_findings(page)
        for ask in (
            ann.post("/api/hooks", json={**new, "name": "other"}),
            ann.patch("/api/hooks/hub", json={"branch": "other"}),
            ann.delete("/api/hooks/hub"),
            ann.post("/api/hooks/hub/runs", json={}),
        ):
            answer = await ask
            assert answer.status_code == 403, answer.text
            assert "on the hub's" in answer.json()["detail"], answer.text
        await repository.remove(number)


async def test_readers_have_no_such_pages(rob):
    for path in ("/hooks", "/sites"):
        answer = await rob.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 403
        assert "ask one of its administrators" in answer.text


async def saved(page, dialog, name: str) -> str:
    async with page.expect_download() as begun:
        await dialog.get_by_role("button", name=f"Save {name}").click()
    file = await (await begun.value).path()
    return file.read_text()


async def test_a_site_is_added_with_files_seen_once_shown_and_goes(open_browser, full):
    async with open_browser("ann") as page:
        await page.goto("/sites")
        await page.wait_for_function(READY)
        sites = page.get_by_role("region", name="Sites")
        await sites.get_by_text("No sites yet").wait_for()
        await sites.get_by_role("button", name="Add a site").click()
        dialog = page.get_by_role("dialog", name="Add a site")
        await dialog.get_by_label("Name, such as").fill("coast")
        await dialog.get_by_label("Its networks").fill("10.86.0.0/24")
        await dialog.get_by_label("Where it finds the home").fill("home.example.org")
        await dialog.get_by_role("button", name="Add").click()
        await dialog.get_by_text("only one of them would work").wait_for()
        await no_findings(page)
        await dialog.get_by_label("Its networks").fill("192.168.157.0/24")
        await dialog.get_by_label("The place of its devices").fill("Coast / Beach house")
        await dialog.get_by_role("button", name="Add").click()

        # Two configurations and a router's, and a code; once.
        dialog = page.get_by_role("dialog", name="The files of coast")
        await dialog.wait_for()
        [made] = await full.ask("GET", "/sites")
        gateway = await saved(page, dialog, "dm-coast.conf")
        assert made["hub_key"] in gateway
        await dialog.get_by_role("img", name="The configuration of coast").wait_for()
        await no_findings(page)
        await picture(page, "sites-files")
        await dialog.get_by_role("button", name="Done").click()
        hubs = f"{made['interface']}.conf"
        sure = page.get_by_role("alertdialog", name=f"Close without saving {hubs}?")
        await sure.get_by_role("button", name="Cancel").click()
        config = await saved(page, dialog, hubs)
        assert made["site_key"] in config
        router = await saved(page, dialog, "coast-openwrt.uci")
        assert router.startswith("set network.dm_coast=")
        await dialog.get_by_role("button", name="Done").click()
        await dialog.wait_for(state="detached")
        private = [
            line.partition("=")[2].strip() for text in (gateway, config)
            for line in text.splitlines() if line.startswith("PrivateKey")
        ]  # fmt: skip
        assert len(set(private)) == 2

        row = sites.get_by_role("listitem").filter(has_text="192.168.157.0/24")
        await row.get_by_text("Beach house", exact=True).wait_for()
        await row.get_by_text("Tunnel not known").wait_for()
        await row.get_by_role("button", name="Show coast").click()
        dialog = page.get_by_role("dialog", name="Site coast")
        await dialog.get_by_text(made["site_key"]).wait_for()
        await no_findings(page)
        await picture(page, "sites-show")
        shown = await page.content()
        assert not any(key in shown for key in private)
        await dialog.get_by_role("button", name="Close").click()
        await picture(page, "sites")

        await row.get_by_role("button", name="Remove coast").click()
        sure = page.get_by_role("alertdialog", name="Remove coast?")
        await sure.get_by_role("button", name="Remove").click()
        await sites.get_by_text("No sites yet").wait_for()
        assert await full.ask("GET", "/sites") == []
