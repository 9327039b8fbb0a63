"""People of the tests' hubs, and how they come in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx

from tests.support.hub import PLAIN, HubProcess

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


async def invite(hub: HubProcess, tenant: str = "home", **invitation: object) -> dict:
    """A link as `dormouse people invite` makes it; its tenant is made if there is none."""
    await hub.ask("PUT", f"/tenants/{tenant}")
    return await hub.ask("POST", "/invitations", params={"tenant": tenant}, json=invitation)


@contextlib.asynccontextmanager
async def client_of(
    hub: HubProcess, person: str | None = None, *, address: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client that behaves as a page of the dashboard does, logged in as `person`.

    Another `address` of the loopback network makes it another machine.
    """
    url = url_of(hub)
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=PLAIN)
    async with httpx.AsyncClient(
        base_url=url, headers={"Origin": url}, timeout=30, transport=transport
    ) as client:
        if person is not None:
            answer = await client.post("/login", data={"name": person, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        yield client


async def join(hub: HubProcess, person: str, tenant: str, role: str) -> None:
    """Have a person use an invitation; the first one makes them."""
    made = await invite(hub, tenant, role=role)
    async with client_of(hub) as client:
        words = {"name": person, "password": PASSWORD, "again": PASSWORD}
        answer = await client.post(made["path"], data=words)
        if answer.status_code == 422:  # there is one of that name: come in and use the link
            login = {"name": person, "password": PASSWORD}
            assert (await client.post("/login", data=login)).status_code == 303
            answer = await client.post(made["path"])
        assert answer.status_code == 303, answer.text
