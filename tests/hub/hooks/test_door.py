"""What is answered at /hook/<name>, to hosts and to strangers; hooks by API and command line."""

from __future__ import annotations

import hashlib
import hmac
import json
import os

import httpx
import pytest
import pytest_asyncio

from tests.hub.filled import store_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

A, B = "a" * 40, "b" * 40
NEW = {
    "name": "firmware", "source": "github", "repository": "https://example.invalid/o/r.git",
    "branch": "main", "chain": {"steps": [{"kind": "test", "command": "true"}]},
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module")
async def caller(web):
    """A repository's host: no session, no token, and its own idea of the hub's name."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{web.facts['http_port']}", timeout=60,
        headers={"host": "hub.example.org"},
    ) as client:  # fmt: skip
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def secret(web):
    made = await web.ask("POST", "/hooks", json=NEW)
    yield made["secret"]
    await web.ask("DELETE", "/hooks/firmware")


def push(secret, after=B, key="1", *, event="push", ref="refs/heads/main", **more):
    body = json.dumps({"ref": ref, "before": A, "after": after, **more}).encode()
    return {"content": body, "headers": signed(secret, body, key, event)}


def signed(secret, body, key="1", event="push"):
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-github-event": event, "x-github-delivery": key, "content-type": "application/json",
            "x-hub-signature-256": f"sha256={digest}"}  # fmt: skip


async def test_each_delivery_has_its_status_and_its_line(caller, secret, web):
    async def told(request, name="firmware"):
        answer = await caller.post(f"/hook/{name}", **request)
        assert "\n" not in answer.json()["detail"]
        return answer.status_code, answer.json()["detail"]

    first = push(secret)
    status, text = await told(first)
    assert (status, "is queued" in text) == (202, True)
    assert (await told(first))[0] == 409
    # Nobody signs the id: the same body with another one is the same delivery.
    again = {**first, "headers": {**first["headers"], "x-github-delivery": "2"}}
    assert (await told(again))[0] == 409
    # The same id with another body, too.
    assert (await told(push(secret, A)))[0] == 409
    gone = push(secret, "0" * 40, "3", deleted=True)
    assert await told(gone) == (200, "branch main was deleted: nothing is started")
    assert (await told(gone))[0] == 409
    assert (await told(push(secret, key="4", ref="refs/tags/v1")))[0] == 200
    assert (await told(push(secret, key="5", event="ping", zen="x")))[0] == 200
    malformed = {"content": b"{", "headers": signed(secret, b"{", "6")}
    assert await told(malformed) == (
        400, "The body cannot be read: it must be the host's JSON, in UTF-8"
    )  # fmt: skip
    empty = {"content": b"", "headers": signed(secret, b"", "7")}
    assert await told(empty) == (200, "An empty post: nothing was started")
    [run] = await web.ask("GET", "/hooks/runs", params={"hook": "firmware"})
    assert (run["commit"], run["who"]) == (B, "a push at github")
    assert [step["kind"] for step in run["steps"]] == ["fetch", "test"]


async def test_strangers_are_not_told_whether_a_hook_is_there(caller, secret, web):
    wrong = push(secret + "x")
    token = {
        "content": b"{}",
        "headers": {"x-gitlab-token": "guess", "x-gitlab-event": "Push Hook"},
    }
    for status, request in [
        (403, wrong), (401, {"content": b"{}"}), (200, {"content": b""}), (403, token),
        (401, {"content": b"{", "headers": {"x-hub-signature-256": ""}}),
        (413, {"content": b"x" * (2 << 20) + b"x", "headers": {"x-hub-signature-256": "x"}}),
    ]:  # fmt: skip
        answers = [await caller.post(f"/hook/{name}", **request) for name in ("firmware", "nobody")]
        assert [answer.status_code for answer in answers] == [status] * 2
        assert answers[0].content == answers[1].content
        assert answers[0].headers.keys() == answers[1].headers.keys()
    assert await web.ask("GET", "/hooks/runs") == []
    assert secret not in web.log.read_text()


async def test_a_guesser_is_held_up_and_the_host_is_not(secret, web):
    url = f"http://127.0.0.1:{web.facts['http_port']}/hook/firmware"
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.7")
    async with httpx.AsyncClient(transport=transport, timeout=60) as guesser:
        statuses = [(await guesser.post(url, **push("guess"))).status_code for _ in range(30)]
        assert statuses == [403] * 30
        # A slow run is given some guesses more meanwhile.
        while (await guesser.post(url, **push("guess"))).status_code != 429:
            pass
        answer = await guesser.post(url, **push(secret))
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)
    async with httpx.AsyncClient(timeout=60) as host:
        found = [
            (await host.post(url, **push(secret, f"{n:040x}", str(n)))).status_code
            for n in range(1, 41)
        ]
    assert found == [202] * 40


async def test_what_is_queued_is_skipped_by_what_is_newer(caller, secret, web):
    for n in (1, 2, 3):
        await caller.post("/hook/firmware", **push(secret, f"{n:040x}", str(n)))
    runs = await web.ask("GET", "/hooks/runs")
    newest = runs[0]["id"]
    # One may have begun already: it goes on.
    for run in runs[1:]:
        if run["state"] == "skipped":
            assert run["reason"] in {f"run {newest} is newer", f"run {run['id'] + 1} is newer"}
    assert {run["state"] for run in runs[1:]} <= {"skipped", "running", "failed"}


async def test_secrets_are_kept_apart_and_hooks_are_an_operators(secret, web, ann, rob, eve):
    listed = await web.ask("GET", "/hooks")
    assert [one["path"] for one in listed] == ["/hook/firmware"]
    assert secret not in json.dumps(listed)
    async with store_of(web) as store, store.of("home").transaction() as conn:
        rows = await (await conn.execute("SELECT h::text FROM dormouse.hook h")).fetchall()
    assert secret not in str(rows)
    for client in (ann, rob):
        assert (await client.post("/api/hooks", json=NEW)).status_code == 403
        assert (await client.delete("/api/hooks/firmware")).status_code == 403
    assert len((await rob.get("/api/hooks")).json()) == 1
    assert (await rob.post("/api/hooks/firmware/runs")).status_code == 403
    assert (await eve.get("/api/hooks")).json() == []
    assert (await eve.post("/api/hooks/firmware/runs")).status_code == 404


REFUSED = {
    "a password in the address": ({"repository": "https://u:hunter2secret@h/x"}, "has a password"),
    "a local path": ({"repository": "/etc"}, "begins with https://"),
    "a helper of git's": ({"repository": "ext::sh -c id"}, "blanks"),
    "an option for a host": ({"repository": "ssh://-oProxyCommand=id/x"}, "names a host"),
    "a branch that is an option": ({"branch": "--upload-pack=id"}, "no branch's name"),
    "a range for a branch": ({"branch": "a..b"}, "no branch's name"),
    "a short secret": ({"secret": "hunter2"}, "16 characters"),
    "a signing token that is none": (
        {"source": "gitlab-signed", "secret": "whsec_not*base64*at*all"}, "signing token",
    ),
    "an unknown step": ({"chain": {"steps": [{"kind": "dance"}]}}, "chain.steps"),
    "a step without its command": ({"chain": {"steps": [{"kind": "test"}]}}, "needs a command"),
    "a store of nothing": ({"chain": {"steps": [{"kind": "store"}]}}, "after a step sign"),
    "a file elsewhere": (
        {"chain": {"steps": [{"kind": "build", "command": "x", "file": "../x"}]}}, "within",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_work_is_refused_in_one_line(web, change, said):
    async with web.operator() as client:
        answer = await client.post("/hooks", json={**NEW, **change})
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert said in detail
    assert "\n" not in detail
    assert "hunter2" not in answer.text


async def test_what_is_changed_holds_at_once_and_the_rest_stays(caller, secret, web, ann):
    other = {**NEW, "name": "changed"}
    old = (await web.ask("POST", "/hooks", json=other))["secret"]
    assert (await ann.patch("/api/hooks/changed", json={"branch": "x"})).status_code == 403
    changed = await web.ask("PATCH", "/hooks/changed", json={"branch": "release/2.x"})
    assert changed["secret"] is None
    assert (changed["branch"], changed["repository"]) == ("release/2.x", NEW["repository"])
    assert changed["chain"]["steps"][0]["command"] == "true"
    ignored = await caller.post("/hook/changed", **push(old, key="c1"))
    assert (ignored.status_code, ignored.json()["run"]) == (200, None)
    fresh = (await web.ask("PATCH", "/hooks/changed", json={"secret": ""}))["secret"]
    assert fresh != old
    heard = {"ref": "refs/heads/release/2.x", "after": "c" * 40}
    assert (await caller.post("/hook/changed", **push(old, key="c2", **heard))).status_code == 403
    assert (await caller.post("/hook/changed", **push(fresh, key="c3", **heard))).status_code == 202
    async with web.operator() as client:
        for body, said in (
            ({"secret": "short"}, "16 characters"), ({"branch": "a..b"}, "no branch's name"),
            ({"branch": ""}, "branch"), ({"name": "other"}, "name"),
            ({"repository": "/etc"}, "begins with https://"),
        ):  # fmt: skip
            answer = await client.patch("/hooks/changed", json=body)
            assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
        assert (await client.patch("/hooks/nowhere", json={})).status_code == 404
    env = {**os.environ, "DORMOUSE_DATA_DIR": str(web.data_dir)}
    status, text = await web.command(
        "hook", "change", "changed", "--branch", "main", "--new-secret", env=env
    )
    assert (status, "hook changed is changed" in text, "secret: " in text) == (0, True, True), text
    assert (await web.ask("GET", "/hooks"))[0]["branch"] == "main"
    await web.ask("DELETE", "/hooks/changed")


async def test_a_delivery_in_another_wrapping_is_the_same_one(caller, web):
    """What Gitea signs is the JSON, so whoever saw it once can put any form around it."""
    made = await web.ask("POST", "/hooks", json={**NEW, "name": "tea", "source": "gitea"})
    text = json.dumps({"ref": "refs/heads/main", "before": A, "after": B})
    body = text.encode()
    mac = hmac.new(made["secret"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-gitea-event": "push", "x-gitea-signature": mac, "x-gitea-delivery": "t1"}
    plain = {**headers, "content-type": "application/json"}
    assert (await caller.post("/hook/tea", content=body, headers=plain)).status_code == 202
    for number, form in enumerate(({"payload": text}, {"a": "b", "payload": text})):
        again = {**headers, "x-gitea-delivery": f"another {number}"}
        answer = await caller.post("/hook/tea", data=form, headers=again)
        assert answer.status_code == 409, answer.text
    await web.ask("DELETE", "/hooks/tea")


async def test_a_hub_that_does_not_update_itself_says_so(web):
    steps = [{"kind": "install", "command": "true", "file": "v"}, {"kind": "update"}]
    async with web.operator() as client:
        new = {**NEW, "name": "itself", "chain": {"steps": steps}}
        answer = await client.post("/hooks", json=new)
        assert answer.status_code == 409
        assert answer.json()["detail"] == (
            "the hub does not update itself: start it with DORMOUSE_SELF_UPDATE=true"
        )
        alone = await client.post("/hooks", json={**new, "chain": {"steps": steps[1:]}})
        assert "a step update comes after a step install" in alone.json()["detail"]
    told = await web.ask("GET", "/update")
    assert (told["version"], told["enabled"], told["last"]) == ("", False, None)


async def test_the_command_line_adds_and_lists(web, tmp_path):
    env = {**os.environ, "DORMOUSE_DATA_DIR": str(web.data_dir)}

    async def run(*words):
        return await web.command("hook", *words, env=env)

    chosen = tmp_path / "secret"
    chosen.write_text("sixteen-letters-or-more\n")
    status, text = await run(
        "add", "beach-firmware", "git@git.example.invalid:o/r.git", "--source", "forgejo",
        "--branch", "release/1.x", "--test", "make test", "--build", "make image", "--file",
        "out/app.bin", "--version-file", "VERSION", "--rollout", "all",
        "--secret-file", str(chosen),
    )  # fmt: skip
    assert (status, "post pushes to /hook/beach-firmware" in text) == (0, True), text
    status, text = await run("list", "--json")
    [hook] = json.loads(text)
    kinds = [step["kind"] for step in hook["chain"]["steps"]]
    assert kinds == ["test", "build", "sign", "store", "rollout"]
    status, text = await run("add", "beach-firmware", "https://h/x", "--source", "github")
    assert (status, "is there already" in text) == (1, True)
    assert "no hook 'nowhere'" in (await run("run", "nowhere"))[1]
    assert await run("remove", "beach-firmware") == (0, "hook beach-firmware is removed\n")
    assert (await run("log"))[0] == 0
