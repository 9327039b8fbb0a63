"""The end of an HTTP server: who is there is answered, who comes finds nobody."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from hub.web.proxied import proxied
from hub.web.server import HttpServer, tcp_socket


async def test_who_comes_after_the_end_began_is_refused_who_was_there_is_answered():
    asked, answer = asyncio.Event(), asyncio.Event()

    async def application(scope, receive, send):
        asked.set()
        await answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})

    listening = tcp_socket("HTTP_PORT", "127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = HttpServer(application, listening)
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        waiting = asyncio.create_task(client.get("/"))
        await asked.wait()
        server.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port))
        answer.set()
        assert (await waiting).text == "here"
    await server.stop()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "who"),
    [
        # Whoever asks may have written it: a proxy hands on what it was sent unless told otherwise.
        ("", "192.0.2.7", "127.0.0.1"),
        ("192.0.2.0/24", "192.0.2.7", "127.0.0.1"),
        ("127.0.0.0/8", "192.0.2.7", "192.0.2.7"),
        # What stands before the proxy's own word is the stranger's.
        ("127.0.0.1/32, ::1/128", "10.0.0.1, 127.0.0.1, 192.0.2.7", "192.0.2.7"),
        # A word without end is remembered nowhere.
        ("127.0.0.1/32", "x" * 9000, "127.0.0.1"),
        ("127.0.0.1/32", "", "127.0.0.1"),
        ("127.0.0.1/32", "::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
async def test_who_asks_is_said_by_proxies_that_are_named_alone(proxies, forwarded, who):
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": said(scope)})

    def said(scope) -> bytes:
        return f"{scope['client'][0]} by {scope['scheme']}".encode()

    listening = tcp_socket("HTTP_PORT", "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with (
        HttpServer(application, listening, proxies=proxies),
        httpx.AsyncClient(base_url=url) as client,
    ):
        for scheme in ("http", "https"):
            told = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": scheme}
            assert (await client.get("/", headers=told)).text == f"{who} by {scheme}"


async def test_a_proxy_is_known_by_its_ipv4_at_a_socket_of_both():
    heard = []

    async def application(scope, _receive, _send):
        heard.append(scope["client"][0])

    scope = {"type": "http", "client": ("::ffff:127.0.0.1", 4711)}
    scope["headers"] = [(b"x-forwarded-for", b"192.0.2.7")]
    await proxied(application, "127.0.0.1/32")(scope, None, None)
    assert heard == ["192.0.2.7"]
