"""What people and programs are told while the database is away."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from hub.api.problems import handle_problems
from hub.database.errors import DatabaseAwayError
from hub.web import page as page_module
from hub.web.errors import install

REASON = "connection to server on socket /secret/place failed"


def application(handle) -> httpx.AsyncClient:
    app = FastAPI()
    handle(app)

    @app.get("/it")
    async def it() -> None:
        raise DatabaseAwayError(REASON)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub")


@pytest.mark.parametrize("handle", [install, handle_problems])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_it_is_said_with_the_right_status_and_without_internals(handle, accept, caplog):
    async with application(handle) as client:
        answer = await client.get("/it", headers={"accept": accept})
    assert answer.status_code == 503
    assert "the database is away" in answer.text.lower()
    assert "secret" not in answer.text
    assert REASON in caplog.text
    # A browser that nobody looks after asks again by itself.
    page = handle is install and accept == "text/html"
    assert ("Refresh" in answer.headers) == page


async def test_a_page_that_is_not_ready_in_time_says_so_and_is_asked_for_again(monkeypatch):
    monkeypatch.setattr(page_module, "WITHIN_S", 0.0)
    app = FastAPI()
    install(app)

    @page_module.page("/slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    app.get("/slow")(slow)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        answer = await client.get("/slow", headers={"accept": "text/html"})
    assert answer.status_code == 504
    assert "the hub is too busy" in answer.text
    assert answer.headers["Refresh"]
