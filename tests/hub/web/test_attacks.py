"""What strangers, other sites and other people's browsers try."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hub.api.principal import COOKIE
from tests.hub.people.joined import PASSWORD, client_of, invite, join, url_of
from tests.hub.web.examined import no_script_ran
from tests.support.hub import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = "http://evil.example"


def cookies_of(client: httpx.AsyncClient) -> str:
    return "; ".join(f"{c.name}={c.value}" for c in client.cookies.jar)


def socket_url(hub, client_id: str) -> str:
    return (
        f"ws://127.0.0.1:{hub.facts['http_port']}/_nicegui_ws/socket.io/"
        f"?EIO=4&transport=websocket&client_id={client_id}&tab_id=t&document_id=d"
        "&next_message_id=0&implicit_handshake=true"
    )


async def page_of(client: httpx.AsyncClient, path: str = "/people") -> str:
    """Open a page; its NiceGUI client id."""
    text = (await client.get(path)).text
    return (
        text.split("client_id")[1].split("'")[2]
        if "'client_id'" in text
        else (text.split('"client_id":')[1].split('"')[1])
    )


async def status_of_socket(hub, client_id: str, cookie: str, origin: str | None) -> int:
    """101 when the websocket opens, else the HTTP status."""
    headers = {"Cookie": cookie} if cookie else {}
    try:
        async with connect(
            socket_url(hub, client_id), additional_headers=headers, origin=origin, proxy=None
        ):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_websockets_open_for_the_page_s_own_session_and_site_alone(web, ann, eve):
    page = await page_of(ann)
    own, here = cookies_of(ann), url_of(web)
    assert await status_of_socket(web, page, "", here) == 403
    assert await status_of_socket(web, page, f"{COOKIE}={secrets.token_urlsafe(32)}", here) == 403
    assert await status_of_socket(web, page, cookies_of(eve), here) == 403
    assert await status_of_socket(web, page, own, ELSEWHERE) == 403
    assert await status_of_socket(web, page, own, here.replace("http:", "https:") + "1") == 403
    assert await status_of_socket(web, page, own, None) == 403
    assert await status_of_socket(web, page, own, here) == 101


async def test_an_ended_session_closes_its_websocket_at_once(web):
    async with client_of(web, "rob") as client:
        page = await page_of(client, "/account")
        async with connect(
            socket_url(web, page), additional_headers={"Cookie": cookies_of(client)},
            origin=url_of(web), proxy=None,
        ) as socket:  # fmt: skip
            await socket.recv()
            await web.ask("POST", "/people/logout", json={"name": "rob"})
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(60):
                    while True:
                        await socket.recv()
        assert (await client.get("/session")).status_code == 401
        cookie = cookies_of(client)
        assert await status_of_socket(web, page, cookie, url_of(web)) == 403


async def test_a_websocket_speaks_for_its_own_page_alone(web, ann, rob):
    """Somebody who learnt the id of another's page cannot press its buttons."""
    theirs, mine = await page_of(ann, "/people"), await page_of(rob, "/account")
    before = await web.ask("GET", "/people")
    async with connect(
        socket_url(web, mine), additional_headers={"Cookie": cookies_of(rob)},
        origin=url_of(web), proxy=None,
    ) as socket:  # fmt: skip
        assert (await socket.recv()).startswith("0{")
        await socket.send("40")
        assert (await socket.recv()).startswith("40")
        for name in ("event", "javascript_response", "ack", "log"):
            await socket.send(
                f'42["{name}",{{"client_id":"{theirs}","id":"5","listener_id":"x","args":[],'
                '"level":"error","message":"x","next_message_id":1,"request_id":"x"}]'
            )
        # Its own still counts: the hub goes on to answer.
        await socket.send(f'42["log",{{"client_id":"{mine}","level":"debug","message":"x"}}]')
        await socket.send("2probe"[:1])
    assert await web.ask("GET", "/people") == before


async def test_long_polling_is_no_way_around_the_websocket(web, ann):
    answer = await ann.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ELSEWHERE},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
async def test_other_sites_change_nothing(web, ann, headers):
    """Without any word of where it comes from, a cookie counts for nothing either."""
    async with httpx.AsyncClient(base_url=url_of(web), cookies=ann.cookies) as client:
        answer = await client.post("/logout", headers=headers)
        assert answer.status_code == 403
    assert (await ann.get("/session")).status_code == 200


async def test_other_sites_may_link_here_but_embed_nothing(web, ann):
    async with httpx.AsyncClient(base_url=url_of(web), cookies=ann.cookies) as client:
        site = {"Sec-Fetch-Site": "cross-site"}
        answer = await client.get("/", headers={**site, "Sec-Fetch-Mode": "navigate"})
        assert answer.status_code == 200
        for mode in ("no-cors", "cors", "websocket"):
            answer = await client.get("/", headers={**site, "Sec-Fetch-Mode": mode})
            assert answer.status_code == 403, mode


async def test_a_stranger_s_name_for_this_hub_is_not_answered(web, nobody):
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80", "a/b", "a?b", "x@y",
                 "", "127.0.0.1:http"):  # fmt: skip
        answer = await nobody.get("/login", headers={"Host": host})
        assert answer.status_code in {400, 421}, host
    port = web.facts["http_port"]
    for host in (f"127.0.0.1:{port}", f"hub.local:{port}", "raspberrypi", f"[::1]:{port}"):
        answer = await nobody.get("/login", headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status_code == 200, host


async def test_a_session_is_new_at_each_log_in(web):
    """A cookie that somebody planted beforehand never becomes a session."""
    planted = secrets.token_urlsafe(32)
    async with client_of(web) as client:
        client.cookies.set(COOKIE, planted, domain="127.0.0.1")
        words = {"name": "rob", "password": PASSWORD}
        answer = await client.post("/login", data=words)
        first = answer.cookies[COOKIE]
        assert first != planted
        cookie = next(h for h in answer.headers.get_list("set-cookie") if h.startswith(COOKIE))
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        client.cookies.clear()
        client.cookies.set(COOKIE, first, domain="127.0.0.1")
        second = (await client.post("/login", data=words)).cookies[COOKIE]
        assert second != first
        for dead in (planted, first):
            client.cookies.clear()
            client.cookies.set(COOKIE, dead, domain="127.0.0.1")
            assert (await client.get("/session")).status_code == 401


async def test_tampered_cookies_are_nobody_s(web, rob):
    good = rob.cookies[COOKIE]
    flipped = good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1]
    for value in (flipped, good[:-1], good + "A", good.swapcase(), "", "1", "x" * 4000,
                  "%00", "' OR 1=1 --"):  # fmt: skip
        async with client_of(web) as client:
            answer = await client.get("/session", headers={"Cookie": f"{COOKIE}={value}"})
            assert answer.status_code == 401, value
    assert (await rob.get("/session")).status_code == 200


def seconds_to_wait(answer: httpx.Response) -> int:
    """What it says; 0 if it let one try."""
    found = re.search(r"Try again in (\d+) seconds", answer.text)
    return int(found[1]) if answer.status_code == 429 else 0


async def test_guessing_is_slow_and_shuts_nobody_out(web):
    """After the first few a guesser waits; a browser that has logged in there before does not."""
    await join(web, "gus", "beach", "reader")
    await join(web, "hal", "beach", "reader")
    words = {"name": "gus", "password": PASSWORD}
    async with client_of(web, "gus") as own, client_of(web, address="127.0.0.7") as stranger:
        answers = []
        # On a busy machine a guess takes so long that a further one is allowed: until the wait is
        # one that lasts for what follows.
        while not answers or seconds_to_wait(answers[-1]) < 15:
            guess = {"name": "gus", "password": f"guess {len(answers)}"}
            answers.append(await stranger.post("/login", data=guess))
            await asyncio.sleep(0.1)
        assert {answer.status_code for answer in answers[:5]} == {403}
        # Even the right password waits, in a browser that was never logged in: no oracle.
        answer = await stranger.post("/login", data=words)
        assert answer.status_code == 429
        assert "Try again in" in answer.text
        async with client_of(web, address="127.0.0.9") as elsewhere:
            assert (await elsewhere.post("/login", data=words)).status_code == 429
        await own.post("/logout")
        assert (await own.post("/login", data=words)).status_code == 303
        # What marks a browser as known is of no use for another account.
        async with client_of(web, address="127.0.0.7") as thief:
            thief.cookies.update(own.cookies)
            thief.cookies.delete(COOKIE)
            guess = {"name": "hal", "password": "guess"}
            answers = [(await thief.post("/login", data=guess)).status_code for _ in range(20)]
            assert 429 in answers


def processor_s(hub):
    """What the hub's process has used, in seconds: others on this machine do not count."""
    fields = Path(f"/proc/{hub.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_names_are_not_told(web):
    """An unknown name and a wrong password read the same, and cost the hub the same."""
    async with client_of(web, address="127.0.0.8") as client:
        texts, cost = set(), {"nobody at all": [], "max": []}
        for name in [*cost, *cost, *cost]:
            before = processor_s(web)
            answer = await client.post("/login", data={"name": name, "password": "wrong wrong"})
            cost[name].append(processor_s(web) - before)
            assert answer.status_code == 403
            texts.add(answer.text.replace(name, ""))
        assert len(texts) == 1
        # The first has a hash made for it; a missing one would be ten times as quick.
        unknown, known = (min(seconds) for seconds in cost.values())
        assert unknown > known / 3, cost


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f..%2fsettings.py",
        "/static/%2e%2e/site.py",
        "/static/..\\site.py",
        "/_nicegui/3.18.0/static/../../../../../../etc/passwd",
        "/_nicegui/3.18.0/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/_nicegui/3.18.0/resources/x/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/_nicegui/3.18.0/esm/nicegui-echart/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/_nicegui/3.18.0/components/..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/%00",
    ],
)
async def test_paths_lead_nowhere_else(web, ann, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", web.facts["http_port"])
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies_of(ann)}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    status = int(answer.split()[1])
    assert status in {303, 400, 403, 404}, answer[:300]
    assert b"root:" not in answer
    assert b"from __future__" not in answer


async def test_too_big_is_refused_early(web, ann, nobody):
    big = b"x" * 300_000
    for client in (nobody, ann):
        answer = await client.post("/login", content=big)
        assert answer.status_code == 413
        assert "KiB" in answer.text

    async def endless():
        for _ in range(30):
            yield b"x" * 50_000

    # What NiceGUI takes files by has room for firmware, and no more.
    firmware = await ann.post("/_nicegui/client/x/upload/1", content=b"x" * (5 << 20))
    assert firmware.status_code == 413
    # Without a length the connection ends when it becomes too much.
    with pytest.raises((httpx.TransportError, AssertionError)):
        answer = await nobody.post(
            "/login", content=endless(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code < 400, answer.text


async def test_a_script_for_a_name_is_text(web, open_browser):
    """A person who calls themselves a script, shown on everybody's pages."""
    name = '<img src=x onerror="window.hacked=1">\'"`${7*7}{{7*7}}</script>'[:60]
    made = await invite(web, role="reader", note=name)
    async with client_of(web) as client:
        words = {"name": name, "password": PASSWORD, "again": PASSWORD}
        assert (await client.post(made["path"], data=words)).status_code == 303
        answer = await client.post("/login", data={"name": name, "password": "wrong wrong"})
        assert "<img src=x" not in answer.text
    await invite(web, role="reader", note=name)
    async with open_browser("ann") as page:
        await page.goto("/people")
        await page.wait_for_function("window.did_handshake")
        await page.get_by_text(name).first.wait_for()
        await page.get_by_text(name).nth(1).wait_for()
        await no_script_ran(page)
    await web.ask("POST", "/people/remove", json={"name": name})


async def test_where_one_goes_after_the_log_in_is_here(web):
    async with client_of(web) as client:
        for wanted in ("//evil.example", "/\\evil.example", "http://evil.example", "javascript:1",
                       "/\t/evil.example", "/%0d%0aSet-Cookie:x=1\r\nX: y"):  # fmt: skip
            words = {"name": "max", "password": PASSWORD, "next": wanted}
            answer = await client.post("/login", data=words)
            if answer.status_code == 303:
                target = answer.headers["location"]
                assert target.startswith("/"), wanted
                assert not target.startswith(("//", "/\\")), wanted
                assert "x" not in answer.cookies


async def test_links_work_once(web):
    made = await invite(web, "beach", role="reader")
    words = {"password": PASSWORD, "again": PASSWORD}
    async with client_of(web) as one, client_of(web) as two:
        answers = await asyncio.gather(
            one.post(made["path"], data={**words, "name": "first"}),
            two.post(made["path"], data={**words, "name": "second"}),
        )
        assert sorted(answer.status_code for answer in answers) == [303, 404]
        assert (await one.get(made["path"])).status_code == 404
        assert (await one.get("/join/" + secrets.token_urlsafe(24))).status_code == 404


async def test_passwords_that_do_not_do_are_refused(web):
    made = await invite(web, "beach", role="reader")
    async with client_of(web) as client:
        for name, password, again in (
            ("kim", "short", "short"),
            ("kim", PASSWORD, PASSWORD + "x"),
            ("kim", "a" * 300, "a" * 300),
            ("kimkimkimkim", "kimkimkimkim", "kimkimkimkim"),
            ("", PASSWORD, PASSWORD),
            ("x" * 61, PASSWORD, PASSWORD),
            ("ANN", PASSWORD, PASSWORD),
        ):
            words = {"name": name, "password": password, "again": again}
            answer = await client.post(made["path"], data=words)
            assert answer.status_code == 422, (name, password)
            assert 'role="alert"' in answer.text
        assert (await client.get(made["path"])).status_code == 200


async def test_removing_somebody_ends_what_they_see(web):
    made = await invite(web, role="administrator")
    async with client_of(web) as client:
        words = {"name": "gone", "password": PASSWORD, "again": PASSWORD}
        assert (await client.post(made["path"], data=words)).status_code == 303
        assert (await client.get("/people")).status_code == 200
        await web.ask("POST", "/people/role", json={"name": "gone", "role": "reader"})
        assert (await client.get("/people")).status_code == 403
        await web.ask("POST", "/people/leave", json={"name": "gone"})

        async def out() -> bool:
            return (await client.get("/session")).status_code == 401

        await until(out)
        await web.ask("POST", "/people/remove", json={"name": "gone"})
