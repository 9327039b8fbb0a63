"""From an empty flash to a row in Postgres, and what is refused on the way."""

from __future__ import annotations

import asyncio
import json
import secrets
import time

from contracts.messages import Enrol
from hub.mqtt.account_repository import AccountRepository, AccountState
from hub.mqtt.enrolment import EnrolmentOutcome
from hub.settings import Enrolment
from tests.support.broker import open_folder, until
from tests.support.mqtt311 import Client
from tests.support.mqtt_side import running_side

TEMPERATURE = "TemperatureSensor/CurrentTemperature"
PASSWORD = "0123456789abcdef" * 2


def batch(*values, boot="9f3a61c2", up=10, lost=0, first=1):
    readings = [[first + n, 0, TEMPERATURE, value] for n, value in enumerate(values)]
    return json.dumps({"boot": boot, "up": up, "lost": lost, "readings": readings})


async def enrol(side, device, password=PASSWORD, **more):
    host, port = "127.0.0.1", side.ports["enrol"]
    async with await Client.connect(host, port) as client:
        assert client.code == 0
        payload = {"id": device, "password": password, "model": "sensor", "firmware": "0.1.0"}
        await client.publish(f"enrol/{device}", json.dumps({**payload, **more}))


async def connect(side, device, password=PASSWORD, **options):
    return await Client.connect(
        "127.0.0.1", side.ports["mqtt"], device, device, password, **options
    )


async def let_in(side, device, password=PASSWORD, within=30.0):
    """Connect again and again until the account is there, as a device does within its wake."""
    async with asyncio.timeout(within):
        while True:
            client = await connect(side, device, password)
            if client.code == 0:
                return client
            assert client.code == 5
            await client.close()
            await asyncio.sleep(0.02)


async def values(store, tenant="home"):
    async with store.of(tenant).transaction() as conn:
        rows = await conn.execute("SELECT value FROM dormouse.reading ORDER BY value")
        return [row[0] for row in await rows.fetchall()]


async def test_one_wake_from_unknown_to_a_row(side, store):
    refused = await connect(side, "dev")
    assert refused.code == 5
    await refused.close()
    await enrol(side, "dev")
    async with await let_in(side, "dev") as client:
        assert await client.subscribe("HomeKit/dev/$ack") == 1
        await client.publish("HomeKit/dev/$batch", batch(20.5, 21))
        await until(lambda: client.got != [])
        topic, payload, _ = client.got[0]
    assert topic == "HomeKit/dev/$ack"
    assert json.loads(payload) == {"boot": "9f3a61c2", "seq": 2, "batch": 2}
    assert await values(store) == [20.5, 21]
    # Heard of, so kept for good.
    await until(lambda: side.book.get("dev").state is AccountState.ACTIVE)
    assert (await AccountRepository(store).find("dev")).state is AccountState.ACTIVE


async def test_the_acknowledgement_waits_for_the_next_wake(side):
    await side.book.provision("dev", "home", PASSWORD)
    async with await connect(side, "dev") as client:
        await client.publish("HomeKit/dev/$batch", batch(1, 2, 3))
    await until(lambda: side.ingest.of("home").counts["stored"] == 3)

    async def acknowledged():
        async with await connect(side, "dev") as client:
            await client.subscribe("HomeKit/dev/$ack")
            await client.ping()
            return bool(client.got) and json.loads(client.got[0][1])["seq"] == 3

    await until(acknowledged)


async def test_acknowledgements_are_gathered(side):
    await side.book.provision("dev", "home", PASSWORD)
    async with await connect(side, "dev") as client:
        await client.subscribe("HomeKit/dev/$ack")
        started = time.monotonic()
        for number in range(1, 101):
            await client.publish("HomeKit/dev/$batch", batch(number, first=number))
        await until(lambda: client.got and json.loads(client.got[-1][1])["seq"] == 100)
        took = time.monotonic() - started
    assert len(client.got) <= took + 2


async def test_a_known_id_with_another_password_is_refused_and_shown(side):
    await side.book.provision("dev", "home", PASSWORD)
    await enrol(side, "dev", "f" * 32)
    await until(lambda: "enrol-take-over" in side.problems.of("dev"))
    thief = await connect(side, "dev", "f" * 32)
    assert thief.code == 5
    await thief.close()
    async with await connect(side, "dev") as client:
        assert client.code == 0


async def test_a_device_whose_flash_was_erased_may_enrol_once_more(side):
    await side.book.provision("dev", "home", PASSWORD)
    side.enroller.allow_renewal("dev", 10)
    await enrol(side, "dev", "a" * 32)
    await (await let_in(side, "dev", "a" * 32)).close()
    await enrol(side, "dev", "b" * 32)
    await until(lambda: "enrol-take-over" in side.problems.of("dev"))


async def test_closed_keeps_who_knocked_for_approval(store):
    with open_folder() as folder:
        async with running_side(store, folder, enrolment=Enrolment.CLOSED) as side:
            await enrol(side, "dev")
            await until(lambda: [c.device for c in side.enroller.candidates()] == ["dev"])
            assert side.book.all() == []
            await side.enroller.approve("dev", "home")
            async with await connect(side, "dev") as client:
                assert client.code == 0


async def test_a_window_gives_its_tenant(store):
    await store.ensure_tenant("beach")
    with open_folder() as folder:
        async with running_side(store, folder, enrolment=Enrolment.WINDOW) as side:
            side.gate.open_window("beach", 5)
            await enrol(side, "dev")
            async with await let_in(side, "dev") as client:
                await client.publish("HomeKit/dev/$batch", batch(7))
            side.gate.close_window()
            await until(lambda: side.ingest.of("beach").counts["stored"] == 1)
            # So the bridge sets show it in that place's HomeKit alone.
            assert side.tenant_of("dev") == "beach"
            message = Enrol(id="late", password=PASSWORD)
            assert await side.enroller.enrol(message) is EnrolmentOutcome.CLOSED
    assert await values(store) == []
    assert await values(store, "beach") == [7]


async def test_a_burst_of_500(side):
    devices = [f"dev{n:03}" for n in range(500)]
    passwords = {device: secrets.token_hex(16) for device in devices}
    at_once = asyncio.Semaphore(100)

    async def one(device):
        async with at_once:
            await enrol(side, device, passwords[device])
            async with await let_in(side, device, passwords[device], within=200) as client:
                await client.publish("HomeKit/" + device + "/$batch", batch(20))

    await asyncio.gather(*map(one, devices))
    await until(lambda: side.ingest.of("home").counts["stored"] == 500)
    assert len(side.book.all()) == 500
