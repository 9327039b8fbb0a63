"""People of the tests' hubs, and how they come in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx

from tests.support.hub import HubProcess

PASSWORD = "seven sleepers in one nest"

PEOPLE = {
    "ann": {"home": "administrator"},
    "rob": {"home": "reader"},
    "eve": {"beach": "administrator"},
    # Sees both, and is first shown beach.
    "max": {"beach": "reader", "home": "administrator"},
}


def url_of(hub: HubProcess) -> str:
    return f"http://127.0.0.1:{hub.facts['http_port']}"


async def control(hub: HubProcess, path: str, body: object) -> dict:
    """A call to the hub's private socket, as the command line makes it."""
    transport = httpx.AsyncHTTPTransport(uds=str(hub.data_dir / "hub.sock"))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", timeout=30) as client:
        return (await client.post(path, json=body)).raise_for_status().json()


@contextlib.asynccontextmanager
async def client_of(
    hub: HubProcess, person: str | None = None, *, address: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client that behaves as a page of the dashboard does, logged in as `person`.

    Another `address` of the loopback network makes it another machine.
    """
    url = url_of(hub)
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(
        base_url=url, headers={"Origin": url}, timeout=30, transport=transport
    ) as client:
        if person is not None:
            answer = await client.post("/login", data={"name": person, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        yield client


async def join(hub: HubProcess, person: str, tenant: str, role: str) -> None:
    """Have a person use an invitation; the first one makes them."""
    made = await control(hub, "/people/invite", {"tenant": tenant, "role": role})
    async with client_of(hub) as client:
        words = {"name": person, "password": PASSWORD, "again": PASSWORD}
        answer = await client.post(made["path"], data=words)
        if answer.status_code == 422:  # there is one of that name: come in and use the link
            login = {"name": person, "password": PASSWORD}
            assert (await client.post("/login", data=login)).status_code == 303
            answer = await client.post(made["path"])
        assert answer.status_code == 303, answer.text
