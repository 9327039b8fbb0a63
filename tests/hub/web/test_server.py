"""The end of an HTTP server: who is there is answered, who comes finds nobody."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

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
