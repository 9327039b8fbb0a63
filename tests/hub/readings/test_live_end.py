"""The end of a hub that somebody looks at."""

from __future__ import annotations

import asyncio

import httpx

from hub.api.scope import Scope
from hub.tokens.repository import TokenRepository
from tests.hub.filled import store_of


async def test_a_hub_that_stops_says_so_to_who_looks_on_and_waits_for_nobody(hub):
    async with store_of(hub) as store:
        _, token = await TokenRepository(store).make("home", "wall", {Scope.READ}, "test", None)
    url = f"http://127.0.0.1:{hub.facts['http_port']}"
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client,
        client.stream("GET", "/api/live") as answer,
    ):
        lines = answer.aiter_lines()
        async for line in lines:
            if line == "event: ready":
                break
        stopping = asyncio.create_task(hub.stop())
        said = [line async for line in lines]
        assert "event: end" in said
        assert 'data: {"reason": "the hub stops"}' in said
        assert await stopping == 0
