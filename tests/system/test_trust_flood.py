"""Strangers enrol by the thousand: memory and accounts stay bounded, nobody else notices.

`make soak` runs it with FLOOD=100000.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from hub.mqtt.delivery import Delivery
from hub.mqtt.enrolment import Enroller, EnrolListener, EnrolmentGate
from hub.runtime.problems import Problems
from hub.runtime.token_bucket import TokenBucket
from hub.settings import Enrolment
from tests.support import seeds
from tests.support.broker import until
from tests.support.mqtt311 import Client

FLOOD = int(os.environ.get("FLOOD", "2000"))
PASSWORD = "0123456789abcdef" * 2


def rss(pid: int | str = "self") -> int:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024


async def strangers(port: int, count: int) -> None:
    """One stranger with many names."""
    async with await Client.connect("127.0.0.1", port) as client:
        for _ in range(0, count, 20):
            names = [f"x_{secrets.token_hex(6)}" for _ in range(20)]
            await asyncio.gather(
                *(
                    client.publish(
                        f"enrol/{name}",
                        json.dumps({"id": name, "password": secrets.token_hex(16)}),
                    )
                    for name in names
                )
            )


async def test_a_flood_of_made_up_devices(side):
    await side.book.provision("dev", "home", PASSWORD)
    sent, flooding = 0, True

    async def existing():
        nonlocal sent
        while flooding:
            async with await Client.connect(
                "127.0.0.1", side.ports["mqtt"], "dev", "dev", PASSWORD
            ) as client:
                assert client.code == 0
                await client.publish("HomeKit/dev/TemperatureSensor/CurrentTemperature", "20")
                sent += 1
            await asyncio.sleep(0.05)

    async def flood(count):
        port = side.ports["enrol"]
        await asyncio.gather(*(strangers(port, count // 4) for _ in range(4)))
        decided = side.problems.total["enrol-too-many"] + len(side.book.all()) - 1
        await until(lambda: side.problems.total["enrol-too-many"] + len(side.book.all()) > decided)

    device = asyncio.create_task(existing())
    # The accounts that the rules allow are made, then memory must not grow any more.
    await flood(Enroller.BURST + 400)
    gc.collect()
    before, broker_before = rss(), rss(side.broker.enrolment.pid)
    await flood(FLOOD)
    gc.collect()
    grown, broker_grown = rss() - before, rss(side.broker.enrolment.pid) - broker_before
    flooding = False
    await device
    print(f"{sent} wakes; grown: hub {grown} MB, broker {broker_grown} MB")
    assert len(side.book.all()) <= 1 + Enroller.MAX_PENDING
    assert grown < 30
    assert broker_grown < 30
    assert len(side.problems.latest(10**6)) <= 2000
    await until(lambda: len(side.shown.updates) == sent)
    assert {reading.series.device for reading, _ in side.shown.updates} == {"dev"}


def mutated(rng: random.Random, name: str) -> bytes:
    """An enrolment that somebody spoiled, or not."""
    payload = {"id": name, "password": secrets.token_hex(16), "model": "m", "firmware": "0"}
    strange = [
        "", "x" * 1024, "a/b", "#", "+", "a\0b", "ü" * 20, 7, -1, 1.5, True, None, [], {}, [name],
        "viewer", "hub", "viewer.x", "a b c d e f g h i j", "p" * 16, "p" * 129, "\ud800",
    ]  # fmt: skip
    for _ in range(rng.choice((0, 1, 1, 2))):
        match rng.randrange(5):
            case 0:
                payload[rng.choice(list(payload) or ["id"])] = rng.choice(strange)
            case 1:
                payload.pop(rng.choice(list(payload) or ["id"]), None)
            case 2:
                payload[secrets.token_hex(4)] = rng.choice(strange)
            case 3:
                payload["id"] = rng.choice(("hub", "viewer", name + "x", name.upper()))
    data = bytearray(json.dumps(payload).encode())
    if rng.random() < 0.3:
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    if rng.random() < 0.05:
        data = data[: rng.randrange(len(data))]
    return bytes(data)


def allowed(topic: str, data: bytes) -> str | None:
    """The id that the rules of docs/topics.md let in, worked out apart from the hub's code."""
    try:
        payload = json.loads(data.decode())
        json.dumps(payload, ensure_ascii=False).encode()  # half a surrogate pair is no text
        name, password = payload["id"], payload["password"]
        texts = [payload.get("model", ""), payload.get("firmware", "")]
        good = (
            topic == f"enrol/{name}"
            and b"\\u0000" not in data
            and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
            and name not in {"hub", "viewer"}
            and re.fullmatch(r"[!-~]{16,128}", password)
            and all(isinstance(text, str) and len(text) <= 64 for text in texts)
        )
    except (ValueError, TypeError, KeyError):
        return None
    return name if good else None


class Quiet:
    """A source whose acknowledgements are counted."""

    def __init__(self) -> None:
        self.acknowledged = 0

    def acknowledge(self, delivery: Delivery) -> None:
        self.acknowledged += 1


async def test_spoiled_enrolments_make_no_account_that_the_rules_do_not_allow(accounts):
    seed = seeds.seed()
    rng = random.Random(seed)
    enroller = Enroller(
        accounts, EnrolmentGate(Enrolment.OPEN, "home"), Problems(), clock=lambda: 0.0
    )
    enroller.MAX_PENDING = 10**9
    enroller._bucket = TokenBucket(10**9, 60)
    source = Quiet()
    listener = EnrolListener(source, enroller, Problems())
    expected = set()
    count = FLOOD * 2
    for number in range(count):
        name = rng.choice((f"dev{number}", f"dev{rng.randrange(count)}", "hub", "viewer", "a+b"))
        data = mutated(rng, name)
        expected.add(allowed(f"enrol/{name}", data))
        listener.deliver(Delivery(f"enrol/{name}", data, datetime.now(UTC)))
        if number % 100 == 0:
            await until(lambda: not listener._tasks)
    await until(lambda: not listener._tasks)
    assert source.acknowledged == count
    made = {account.device for account in accounts.all()}
    assert made == expected - {None}
    assert len(made) > count / 10
