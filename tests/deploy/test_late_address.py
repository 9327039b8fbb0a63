"""A hub that is to listen on an address which the machine gets later."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import httpx
import pytest

from tests.support.hub import HubProcess, until
from tests.support.netns import namespace

ADDRESS = "10.77.9.2"
# What a phone, a device and a browser do, from a program within the namespace.
CONNECT = """
import json, socket, sys
found = {}
for name, port in json.loads(sys.argv[2]).items():
    try:
        socket.create_connection((sys.argv[1], port), 5).close()
        found[name] = True
    except OSError:
        found[name] = False
print(json.dumps(found))
"""


@pytest.fixture
def network():
    with namespace() as one:
        one.ip("link set lo up")
        one.ip("link add eth0 type veth peer name port")
        one.ip("link set port up")
        one.ip("link set eth0 up")
        yield one


async def test_it_waits_for_its_address_and_says_so(network, short_tmp, empty_hub):
    copy = ["cp", "-a", empty_hub, short_tmp / "data"]
    await asyncio.to_thread(subprocess.run, copy, check=True)
    hub = HubProcess(short_tmp / "data", within=network.within, HOST=ADDRESS)
    await hub.start()
    ports = {name: port for name, port in hub.facts.items() if name.endswith("_port")}

    def reached():
        said = network.run(sys.executable, "-c", CONNECT, ADDRESS, json.dumps(ports))
        return json.loads(said)

    async def health():
        transport = httpx.AsyncHTTPTransport(uds=str(hub.data_dir / "hub.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return (await client.get("/healthz")).json()

    async def ok():
        return await health() == {"status": "ok", "database": "ok", "broker": "ok", "stopped": []}

    try:
        assert await health() == {
            "status": "degraded", "database": "ok", "broker": "away", "stopped": [],
            "address": "away",
        }  # fmt: skip
        assert not any(reached().values())
        assert f"DORMOUSE_HOST={ADDRESS}: this machine has no such address now" in (
            hub.log.read_text()
        )
        told = await hub.ask("GET", "/doctor/parts")
        assert any(ADDRESS in one["detail"] for one in told)
        network.ip(f"addr add {ADDRESS}/24 dev eth0")
        await until(ok)
        assert all(reached().values()), reached()
        network.ip(f"addr del {ADDRESS}/24 dev eth0")
        assert (await health())["address"] == "away"
    finally:
        assert await hub.stop() == 0
