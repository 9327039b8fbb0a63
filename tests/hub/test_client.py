"""The private socket, with a real server and a real client."""

from __future__ import annotations

import asyncio
import socket
import stat

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request

from contracts.hub_client import HubRefusedError, HubSlowError, HubVersionError, recorded
from contracts.local_hub import SOCKET, NoHubError
from hub.api.application import api
from hub.client import HubClient, hub_facts
from hub.settings import load
from hub.web.server import HttpPortTakenError, HttpServer, private_socket, tcp_socket


def _app() -> FastAPI:
    app = FastAPI()

    @app.get("/api/status")
    async def status():
        return {"devices": []}

    @app.post("/api/refuse")
    async def refuse():
        raise HTTPException(409, "the window is closed")

    @app.post("/api/unfit")
    async def unfit():
        raise HTTPException(422, "body.options.wave: must not be 0")

    @app.delete("/api/nothing", status_code=204)
    async def nothing():
        pass

    @app.get("/api/said")
    async def said():
        return {"\x1b]0;x\x07": ["\x1b[2J\u202e", 7, None, "a\n\tb \x9b é"]}

    @app.post("/api/said")
    async def refuse_said():
        raise HTTPException(409, "\x1b[2J is taken")

    @app.get("/api/who")
    async def who(request: Request):
        return [request.headers["user-agent"], str(request.query_params)]

    return app


async def test_a_call_reaches_the_hub_and_a_refusal_gives_its_reason(short_tmp):
    async with HttpServer(_app(), private_socket(short_tmp / SOCKET)):
        client = await asyncio.to_thread(HubClient, load(data_dir=short_tmp))
        assert await asyncio.to_thread(client.get, "/status") == {"devices": []}
        with pytest.raises(HubRefusedError, match="the window is closed"):
            await asyncio.to_thread(client.post, "/refuse")
        client.close()
    with pytest.raises(NoHubError, match="dormouse hub"):
        HubClient(load(data_dir=short_tmp))


async def test_what_devices_and_people_said_is_nothing_to_a_terminal(short_tmp):
    """Programs get it as it is: `--json` has what was recorded."""
    async with HttpServer(_app(), private_socket(short_tmp / SOCKET)):
        client = await asyncio.to_thread(HubClient, load(data_dir=short_tmp))
        with recorded() as answers:
            shown = await asyncio.to_thread(client.get, "/said")
        with pytest.raises(HubRefusedError, match=r"^\\x1b\[2J is taken$"):
            await asyncio.to_thread(client.post, "/said")
        client.close()
    escaped = {"\\x1b]0;x\\x07": ["\\x1b[2J\\u202e", 7, None, "a\n\tb \\x9b é"]}
    assert shown == escaped
    assert answers == [{"\x1b]0;x\x07": ["\x1b[2J\u202e", 7, None, "a\n\tb \x9b é"]}]


async def test_a_hub_of_another_version_and_one_that_is_busy(short_tmp, monkeypatch):
    app = api([])
    answering = asyncio.Event()

    @app.get("/slow")
    async def slow():
        await answering.wait()

    door = FastAPI()
    door.mount("/api", app)
    async with HttpServer(door, private_socket(short_tmp / SOCKET)):
        client = await asyncio.to_thread(HubClient, load(data_dir=short_tmp))
        with pytest.raises(HubVersionError, match="of another version than"):
            await asyncio.to_thread(client.get, "/invented-later")
        # An older hub knows devices by their ids alone.
        assert await asyncio.to_thread(client.device, "esp8266_00000001") == "esp8266_00000001"
        monkeypatch.setattr(client._client, "timeout", httpx.Timeout(5, read=0.05))
        with pytest.raises(HubSlowError, match="did not answer in time"):
            await asyncio.to_thread(client.get, "/slow")
        answering.set()
        client.close()


async def test_a_program_says_who_it_is_and_which_tenant_it_means(short_tmp):
    settings = load(data_dir=short_tmp)

    def ask():
        with HubClient(settings, "dormouse people", tenant="beach") as beach:
            named = beach.get("/who", pages=False)
            assert beach.delete("/nothing") is None
        with HubClient(settings, "dormouse people") as own:
            return named, own.get("/who")

    async with HttpServer(_app(), private_socket(short_tmp / SOCKET)):
        named, own = await asyncio.to_thread(ask)
    assert named == ["dormouse people", "tenant=beach&pages=false"]
    assert own == ["dormouse people", ""]


async def test_a_refusal_names_no_part_of_a_request_that_nobody_wrote(short_tmp):
    def ask():
        with HubClient(load(data_dir=short_tmp)) as hub:
            hub.post("/unfit")

    async with HttpServer(_app(), private_socket(short_tmp / SOCKET)):
        with pytest.raises(HubRefusedError, match=r"^wave: must not be 0$"):
            await asyncio.to_thread(ask)


async def test_only_its_owner_may_open_the_socket(short_tmp):
    async with HttpServer(_app(), private_socket(short_tmp / SOCKET)):
        assert stat.S_IMODE((short_tmp / SOCKET).stat().st_mode) == 0o600


async def test_a_taken_port_is_named_with_its_setting():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(HttpPortTakenError, match=f"HTTP_PORT={port}"):
            tcp_socket("HTTP_PORT", "127.0.0.1", port)


async def test_port_0_is_a_free_one():
    listening = tcp_socket("HTTP_PORT", "127.0.0.1", 0)
    port = listening.getsockname()[1]
    async with HttpServer(_app(), listening), httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/api/status")
        assert answer.json() == {"devices": []}


def test_no_hub_json_says_that_no_hub_runs(tmp_path):
    with pytest.raises(NoHubError, match=str(tmp_path)):
        hub_facts(tmp_path)
