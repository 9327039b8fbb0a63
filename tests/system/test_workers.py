"""Several workers on one database: a broker is one's, and another takes it over from the dead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.broker import open_broker
from tests.support.hub import until
from tests.support.paired_home import PairedHome
from tests.support.ports import claimed_port
from tests.support.publisher import Publisher
from tests.support.workers import Workers

TEMPERATURE = "TemperatureSensor/CurrentTemperature"


@pytest.fixture
async def ports(short_tmp: Path) -> AsyncIterator[list[int]]:
    async with AsyncExitStack() as stack:
        folders = [short_tmp / name for name in "ab"]
        for folder in folders:
            folder.mkdir()
        yield [await stack.enter_async_context(open_broker(folder)) for folder in folders]


@pytest.fixture
async def workers(server, server_folder: Path, ports) -> AsyncIterator[Workers]:
    async with Workers(server, server_folder, ports) as running:
        yield running


async def test_workers_share_brokers_and_take_over_from_the_dead(workers: Workers, ports):
    homekit = str(claimed_port())
    first = await workers.start("first", HAP_PORT=homekit)
    second = await workers.start("second", ROLES="intake")
    # Two brokers, two workers: the first hands one of its two over.
    await until(lambda: workers.shared(first, second))

    devices = [Publisher(f"d{port}", port, 0) for port in ports]

    async def say() -> None:
        for device in devices:
            await device.batch(2, TEMPERATURE, lambda n: 20 + n / 10)
            await device.drain()

    async def all_stored() -> bool:
        return await workers.stored({device.device: device.seq for device in devices})

    # Whichever worker stores it: HomeKit's bridges hear all brokers, once they are subscribed.
    async def shown() -> bool:
        await say()
        told = str(await first.ask("GET", "/homekit/accessories"))
        return all(device.device in told for device in devices)

    for device in devices:
        await device.connect_anonymously()
    await until(shown, every_s=0.5)
    await until(all_stored)

    await second.kill()
    await say()
    await until(all_stored)

    # An account that one worker makes, the others know before the device's first message.
    third = await workers.start("third", ROLES="intake")
    await until(lambda: workers.shared(first, third))
    await first.ask("PUT", "/tenants/beach")
    beach = {"tenant": "beach"}
    for device in devices:
        name = f"{device.device}-beach"
        await first.ask("POST", f"/accounts/{name}", params=beach, json={"password": "p" * 20})
        newcomer = Publisher(name, device.port, 0)
        await newcomer.connect_anonymously()
        await newcomer.batch(1, TEMPERATURE, lambda n: 20 + n)
        await newcomer.drain()
        await newcomer.close()
        await device.close()
    names = {f"{device.device}-beach" for device in devices}
    await until(lambda: workers.stored(dict.fromkeys(names, 1)))
    assert await workers.devices_of("beach") == names
    leases = [*sorted(f"cell 127.0.0.1:{port}" for port in ports), "duties"]

    async def told() -> bool:  # as each looked last
        both = (await first.ask("GET", "/upkeep"))["workers"]
        found = sorted(lease for one in both for lease in one["leases"])
        return (found, len(both)) == (leases, 2)

    await until(told)

    # A worker that waits for the duties says where the pages are, and that it has none.
    port = claimed_port()
    fourth = await workers.start("fourth", HTTP_PORT=str(port), HAP_PORT=homekit)
    async with httpx.AsyncClient() as client:
        sent_on = await client.get(f"http://127.0.0.1:{port}/home?a=b")
        assert sent_on.status_code == 307
        there = f"http://127.0.0.1:{first.facts['http_port']}/home?a=b"
        assert sent_on.headers["location"] == there
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 503

    # A worker of pages alone passes on what it is asked, live updates too.
    port = claimed_port()
    await workers.start("pages", ROLES="web", HTTP_PORT=str(port))
    token = {"name": "wall", "scopes": ["read"]}
    token = (await first.ask("POST", "/tokens", json=token))["token"]
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as wall:
        assert (await wall.get(f"{url}/healthz")).status_code == 200
        assert "Dormouse" in (await wall.get(f"{url}/login")).text
        async with wall.stream("GET", f"{url}/api/live") as live:
            lines = live.aiter_lines()
            assert "ready" in await anext(line async for line in lines if line.startswith("event:"))
            speaker = Publisher("plain", ports[0], 0)
            await speaker.connect_anonymously()
            topic = f"HomeKit/{speaker.device}/{TEMPERATURE}"
            await speaker.send(topic, b"12.75", tag=1)
            await speaker.drain()
            await speaker.close()
            await anext(line async for line in lines if "12.75" in line)
    # Its address stays when the pages move, and controllers of each tenant find all as it was.
    named = {"home": devices[0].device, "beach": min(names)}
    homes = [await PairedHome.at(first, *one) for one in named.items()]
    began = time.monotonic()
    await first.kill()
    took = await asyncio.gather(*(home.over(began) for home in homes))
    print(f"controllers were answered again after {[round(s, 2) for s in took]} s")
    async with httpx.AsyncClient() as client:

        async def back() -> bool:
            return (await client.get(f"{url}/healthz")).status_code == 200

        await until(back)
    for home in homes:
        await home.is_unchanged(fourth)
        await home.hears(27.5, ports[0])
        await home.phone.close()
    assert await workers.ids_given_twice() == []
    await fourth.kill()
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/healthz")).status_code == 503  # nobody has the duties

    # One hub for itself has no place beside them.
    alone = workers.process("alone", MQTT_URL="", ROLES="intake,bridge,duties,web")
    with pytest.raises(AssertionError, match="another hub works on this database: a hub on"):
        await alone.start()
    assert await alone.process.wait() == 4


async def test_what_a_worker_lacks_is_said(server, server_folder: Path):
    async with Workers(server, server_folder, [1]) as workers:
        for settings, said in (
            ({"ROLES": "intake", "DATABASE_URL": ""}, "name them in DORMOUSE_DATABASE_URL"),
            ({"ROLES": "web,duties"}, "name all three; intake and web may be apart"),
            ({"ROLES": "eat"}, "must be some of intake, bridge, duties, web"),
            (
                {"MQTT_URL": "mqtt://localhost:1,mqtt://127.0.0.1:1"},
                "localhost:1 and 127.0.0.1:1 are the same broker",
            ),
        ):
            refused = workers.process("refused", **settings)
            with pytest.raises(AssertionError, match=said):
                await refused.start()
