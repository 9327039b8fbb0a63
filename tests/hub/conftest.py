"""A hub with people in two tenants, what it may be filled with, and clients that are logged in."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.hub.filled import fill, store_of
from tests.hub.people.joined import PEOPLE, client_of, join
from tests.support import folders
from tests.support.hub import PLAIN, HubProcess


@contextlib.asynccontextmanager
async def hub_with_people(
    empty_hub: Path, people: dict[str, dict[str, str]] = PEOPLE, **settings: str
) -> AsyncIterator[HubProcess]:
    """A hub of its own, with these people."""
    with tempfile.TemporaryDirectory(
        prefix="dm", dir=folders.base(), ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy = ["cp", "-a", empty_hub, folder / "data"]
        await asyncio.to_thread(subprocess.run, copy, check=True)
        hub = HubProcess(folder / "data", **settings)
        await hub.start()
        try:
            for person, roles in people.items():
                for tenant, role in roles.items():
                    await join(hub, person, tenant, role)
            yield hub
        finally:
            if hub.process is not None and hub.process.returncode is None:
                try:
                    await hub.stop()
                except TimeoutError:
                    await hub.kill()
                    raise


@pytest.fixture(scope="session")
def peopled_hub(empty_hub, once):
    """The data folder of a hub that everybody has joined: modules copy it, which is quicker than
    making so many passwords each time."""

    async def make(folder: Path) -> None:
        folder.mkdir(mode=0o755)
        async with hub_with_people(empty_hub) as hub:
            assert await hub.stop() == 0
            await asyncio.to_thread(
                subprocess.run, ["cp", "-a", hub.data_dir, folder / "data"], check=True
            )

    return once.make("people", lambda folder: asyncio.run(make(folder))) / "data"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(peopled_hub) -> AsyncIterator[HubProcess]:
    """A hub with people, one for all tests of a module."""
    async with hub_with_people(peopled_hub, people={}) as hub:
        yield hub


@pytest.fixture(scope="module")
def web_url(web: HubProcess) -> str:
    return f"http://127.0.0.1:{web.facts['http_port']}"


@pytest_asyncio.fixture(loop_scope="module")
async def nobody(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client without a session, that says it is a browser on the dashboard."""
    async with client_of(web) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ann(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client logged in as administrator of home."""
    async with client_of(web, "ann") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rob(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """As reader of home."""
    async with client_of(web, "rob") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def eve(web: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    """As administrator of another tenant, beach, who sees nothing of home."""
    async with client_of(web, "eve") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(web):
    """The hub, once home has devices h1 and h2, and beach b1 and b2."""
    async with store_of(web) as store:
        await fill(store, "home", "h")
        await fill(store, "beach", "b")
    return web


@pytest.fixture
def make_token(ann):
    """`await make_token("read", ...)`: the token's text, of tenant home."""

    async def make(*scopes, name="test", **more):
        body = {"name": name, "scopes": list(scopes), **more}
        answer = await ann.post("/api/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["token"]

    return make


@pytest.fixture
def program(full):
    """`async with program(token) as client`: a program, which sends no cookie and no Origin."""

    def client(token=None, **more):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{full.facts['http_port']}"
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=60, verify=PLAIN, **more)

    return client
