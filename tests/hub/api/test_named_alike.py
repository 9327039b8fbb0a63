"""A device of one tenant, and another tenant that has one of the same name, from a file.

The device is connected to the hub's own broker. Whatever the other tenant asks for reaches it in
nothing, and changes nothing of its own tenant's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.hub.web.speakers import TEMPERATURE
from tests.hub.web.test_access import of_tenant, unchanged
from tests.support.hub import until
from tests.support.images import canned_image
from tests.support.mqtt311 import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOMES, NOBODYS = "esp8266_0badcafe", "esp8266_00000000"
LATER, MOVED = "esp8266_00000001", "esp8266_00000002"
PASSWORD = "seven-sleepers-in-one-nest"
REPORT = {"firmware": "1.0.0", "board": "nodemcu", "boot": "00000001", "seq": 0, "rssi": -60}
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


async def import_some_of(client, *names: str) -> None:
    """Have devices of these names, by a file."""
    lines = [
        f"{name}/{series},{value},{AT.isoformat()}"
        for name in names
        for series, value in ((TEMPERATURE, 20), ("Switch/On", "true"))
    ]
    content = "\n".join(["entity_id,state,last_changed", *lines]).encode()
    answer = await client.post("/api/imports", params={"dry_run": "false"}, content=content)
    assert answer.json().get("stored") == len(lines), answer.text


@contextlib.asynccontextmanager
async def connected(hub, name: str, tenant: str):
    """A device with a new account, which hears all that it is told."""
    body = {"password": PASSWORD}
    await hub.ask("POST", f"/accounts/{name}", params={"tenant": tenant}, json=body)
    port = hub.facts["mqtt_port"]
    async with await Client.let_in("127.0.0.1", port, name, name, PASSWORD) as client:
        await client.subscribe(f"HomeKit/{name}/#")
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def homes(web, ann):
    """Home's device, of which the hub knows a switch."""
    async with connected(web, HOMES, "home") as client:
        await client.publish(f"HomeKit/{HOMES}/$report", json.dumps(REPORT).encode())
        await client.publish(f"HomeKit/{HOMES}/Switch/On", b"false", retain=True)

        async def has_a_switch() -> bool:
            return "Switch/On" in (await ann.get(f"/api/devices/{HOMES}/series")).text

        await until(has_a_switch)
        yield client


async def settings(client, device: str, interval: int) -> None:
    body = {"settings": {"interval": interval}}
    answer = await client.patch(f"/api/devices/{device}/settings", json=body)
    assert answer.status_code == 200, answer.text


async def first_of_the_hubs(device: Client) -> tuple[str, dict]:
    """What a device hears first that it did not say itself: topic and value."""
    async with asyncio.timeout(60):
        while True:
            for topic, payload, _ in device.got:
                if topic.endswith(("/$config", "/$ota", "/set")):
                    return topic, json.loads(payload)
            device.heard.clear()
            await device.heard.wait()


async def test_nothing_of_it_reaches_the_device_and_its_account_stays(web, homes, ann, eve):
    await import_some_of(eve, HOMES, NOBODYS)
    made = await eve.post("/api/firmware", content=canned_image("9.0.0"))
    assert made.status_code == 201, made.text
    # What is refused from it home is told, and nobody else.
    await homes.publish(f"HomeKit/{HOMES}/$report", b"[")

    async def is_told() -> bool:
        return "refused from it" in (await ann.get(f"/api/devices/{HOMES}/explain")).text

    await until(is_told)
    before = await of_tenant(web, "home")
    told = []
    for name in (HOMES, NOBODYS):
        one, these = f"/api/devices/{name}", {"devices": [name]}
        answers = [
            await eve.get(one),
            await eve.get(f"{one}/explain"),
            await eve.patch(f"{one}/settings", json={"settings": {"interval": 77}}),
            await eve.post(f"{one}/commands", json={"series": "Switch/On", "value": True}),
            await eve.post("/api/rollouts", json={"settings": {"interval": 78}, "select": these}),
            await eve.post("/api/rollouts", json={"version": "9.0.0", "select": these}),
            await eve.get(f"/devices/{name}"),
        ]
        for rollout in (await eve.get("/api/rollouts")).json():
            await eve.post(f"/api/rollouts/{rollout['id']}/abort")
        answers.append(await eve.delete(one))
        assert "refused from it" not in answers[1].text
        told.append([answer.status_code for answer in answers])
    assert told[0] == told[1]
    assert told[0][-1] == 200
    await unchanged(web, before)
    await settings(ann, HOMES, 300)
    topic, wanted = await first_of_the_hubs(homes)
    assert (topic, wanted["interval"]) == (f"HomeKit/{HOMES}/$config", 300)


async def test_what_was_left_for_a_name_is_not_told_to_another_tenants_device(web, ann, eve):
    """Home leaves settings for a name that nobody has; then it is a device of beach."""
    await import_some_of(ann, LATER)
    await settings(ann, LATER, 77)
    async with connected(web, LATER, "beach") as device:
        await settings(ann, LATER, 78)
        await import_some_of(eve, LATER)
        await settings(eve, LATER, 300)
        topic, wanted = await first_of_the_hubs(device)
        assert (topic, wanted["interval"]) == (f"HomeKit/{LATER}/$config", 300)
        await device.publish(f"HomeKit/{LATER}/$report", json.dumps(REPORT).encode())
    # Nor after the hub has said everything again.
    assert await web.stop() == 0
    await web.start()
    port = web.facts["mqtt_port"]
    async with await Client.let_in("127.0.0.1", port, LATER, LATER, PASSWORD) as device:
        await device.subscribe(f"HomeKit/{LATER}/$config")
        _, wanted = await first_of_the_hubs(device)
        assert wanted["interval"] == 300


async def test_what_a_device_was_left_in_one_tenant_is_gone_in_another(web, ann):
    """A value, a command and an acknowledgement that the broker retains; then it is beach's."""
    await import_some_of(ann, MOVED)
    left = [f"HomeKit/{MOVED}/{name}" for name in (TEMPERATURE, "Switch/On/set", "$ack")]
    async with connected(web, MOVED, "home") as device:
        for topic in left:
            await device.publish(topic, b"1", retain=True)
    async with await Client.let_in(
        "127.0.0.1", web.facts["mqtt_port"], MOVED, MOVED, PASSWORD
    ) as device:
        await device.subscribe(f"HomeKit/{MOVED}/#")
        await device.ping()
        assert {topic for topic, _, _ in device.got} >= set(left)
    await web.ask("DELETE", f"/accounts/{MOVED}")
    async with connected(web, MOVED, "beach") as device:
        await device.ping()
        assert {topic for topic, _, _ in device.got}.isdisjoint(left)
