"""A hub that listens on every address of both families, or on IPv6 alone."""

from __future__ import annotations

import httpx
import pytest

from tests.support.mqtt311 import Client


@pytest.mark.parametrize(
    ("hub", "addresses"),
    [({"HOST": "::"}, ["127.0.0.1", "::1"]), ({"HOST": "::1"}, ["::1"])],
    indirect=["hub"],
    ids=["all", "::1"],
)
async def test_a_hub_on_ipv6_is_reached_by_pages_and_devices(hub, addresses):
    async with hub.operator() as operator:
        (await operator.post("/accounts/dev", json={"password": "p" * 20})).raise_for_status()
    for address in addresses:
        host = f"[{address}]" if ":" in address else address
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://{host}:{hub.facts['http_port']}/healthz")
        assert answer.status_code == 200
        port = hub.facts["mqtt_port"]
        async with await Client.connect(address, port, "dev", "dev", "p" * 20) as client:
            assert client.code == 0
        async with await Client.connect(address, hub.facts["enrol_port"], "x") as client:
            assert client.code == 0
