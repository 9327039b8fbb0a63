"""One device's account sends what the protocol allows and nobody needs: what it costs the others.

What a message costs in time is `make bench ONLY=hostile`.
"""

from __future__ import annotations

import json

import pytest

from contracts.messages import MAX_SEQ
from hub.database.database import Database
from tests.support.broker import until
from tests.support.mqtt311 import Client

PASSWORD = "0123456789abcdef" * 2
LIGHT = "LightSensor/CurrentAmbientLightLevel"


def batch(readings: list, *, boot: str = "9f3a61c2", lost: object = 0, **more: object) -> bytes:
    payload = {"boot": boot, "up": 1, "lost": lost, "readings": readings, **more}
    data = json.dumps(payload, separators=(",", ":")).encode()
    assert len(data) <= 16 * 1024
    return data


async def send(side, *payloads: bytes, device: str = "evil") -> None:
    """Send `$batch`es of a device, then one of an honest one, and wait for its `$ack`."""
    for name in (device, "good"):
        if side.book.get(name) is None:
            await side.book.provision(name, "home", PASSWORD)
    port = side.ports["mqtt"]
    async with (
        await Client.let_in("127.0.0.1", port, device, device, PASSWORD, keep_alive=600) as evil,
        await Client.let_in("127.0.0.1", port, "good", "good", PASSWORD, keep_alive=600) as good,
    ):
        for payload in payloads:
            await evil.publish(f"HomeKit/{device}/$batch", payload)
        await good.subscribe("HomeKit/good/$ack")
        await good.publish("HomeKit/good/$batch", batch([[1, 0, LIGHT, 1]]))
        await until(lambda: bool(good.got))


async def asked(store: Database, query: str) -> list[tuple]:
    async with store.of("home").transaction() as conn:
        return await (await conn.execute(query)).fetchall()


def no_harm(side, caplog) -> None:
    assert side.ingest.of("home").counts["refused"] == 0
    assert side._supervisor.defects.all() == []
    assert len(caplog.records) < 20, [record.message for record in caplog.records][:20]


@pytest.mark.parametrize("seq", [MAX_SEQ, MAX_SEQ + 1, 2**31, 2**63, -1, 0])
async def test_numbers_at_the_edge(side, store: Database, caplog, seq):
    await send(side, batch([[seq, 0, "Switch/On", 1]] * (500 if seq < 2**32 else 350)))
    no_harm(side, caplog)
    allowed = 0 < seq <= MAX_SEQ
    assert side.problems.total["entry"] == (0 if allowed else 500 if seq < 2**32 else 350)
    numbers = await asked(
        store,
        "SELECT upper(v.seqs) - 1 FROM dormouse.delivery v JOIN dormouse.device d"
        " ON d.id = v.device_id WHERE d.key = 'evil'",
    )
    assert numbers == ([(seq,)] if allowed else [])


STRANGE = [
    10**400, -(10**400), 1e308, -1e308, 5e-324, -0.0, 2**63, True, None, "", "x" * 1024, "é" * 1024,
    "1" * 1024, "1e400", "-inf", "nan", "0x10", " 1", "\u202e", "\ud7ff", "\uffff", "\u0663",
    [], {}, [[1]], {"a": 1},
]  # fmt: skip
PLACES = [
    LIGHT, "TemperatureSensor/CurrentTemperature", "Switch/On", "AccessoryInformation/Name",
    "AccessoryInformation/FirmwareRevision", "AirQualitySensor/99/AirQuality",
    "TemperatureSensor/StatusActive", "Lightbulb/Hue", "SecuritySystem/SecuritySystemCurrentState",
]  # fmt: skip


async def test_strange_values(side, store: Database, caplog):
    entries = [[0, 0, place, value] for place in PLACES for value in STRANGE]
    for number, entry in enumerate(entries):
        entry[0] = number + 1
    await send(side, *(batch(entries[n : n + 5]) for n in range(0, len(entries), 5)))
    no_harm(side, caplog)


@pytest.mark.parametrize(
    "strange",
    [
        b'{"boot":"9f3a61c2","up":1,"readings":' + b"[" * 15000,
        b'{"boot":"9f3a61c2","up":1,"readings":[' + b"[]," * 5000 + b"[]]}",
        b'{"boot":"9f3a61c2","up":1,"readings":[[1,0,"' + b"A/" * 7000 + b'",1]]}',
        b'{"boot":"9f3a61c2","up":1,"readings":[[1,0,"A/B",' + b"9" * 15000 + b"]]}",
        b'{"boot":"9f3a61c2","up":' + b"9" * 4000 + b',"readings":[]}',
        b'{"boot":"9f3a61c2","up":1e300,"readings":[]}',
        b'{"boot":"9f3a61c2","up":2147483646,"after":2147483646,"readings":[[1,31622400,"A/B",1]]}',
        b'{"boot":"9f3a61c2","up":1,"lost":2147483646,"readings":[]}',
        b'{"boot":"00000000","up":1,"lost":2147483646,"readings":[]}',
    ],
    ids=range(9),
)
async def test_strange_messages(side, strange, caplog):
    await send(side, strange, strange)
    no_harm(side, caplog)


async def test_holes_in_the_numbers_are_bounded_and_nothing_is_stored_twice(
    side, store: Database, caplog
):
    payloads = [
        batch([[2 * (300 * n + k) + 1, 0, LIGHT, k % 9] for k in range(300)]) for n in range(20)
    ]
    await send(side, *payloads, payloads[-1])
    no_harm(side, caplog)
    assert await asked(store, "SELECT count(*) FROM dormouse.reading") == [(20 * 300 + 1,)]
    [(most,)] = await asked(
        store, "SELECT max((SELECT count(*) FROM unnest(seqs))) FROM dormouse.delivery"
    )
    assert most <= 256


async def test_what_comes_late_for_a_hole_is_stored_while_holes_are_few(side, store: Database):
    odd = [[2 * n + 1, 0, LIGHT, 1] for n in range(200)]
    even = [[2 * n + 2, 0, LIGHT, 2] for n in range(200)]
    await send(side, batch(odd), batch(even))
    assert await asked(store, "SELECT count(*) FROM dormouse.reading") == [(401,)]
    assert (400,) in await asked(store, "SELECT upper(seqs) - 1 FROM dormouse.delivery")


@pytest.mark.parametrize("content", [[[1, 0, LIGHT, 1]], []], ids=["readings", "only lost ones"])
async def test_boot_identities_are_bounded(side, store: Database, caplog, content):
    await send(side, *(batch(content, boot=f"{n:08x}", lost=n + 1) for n in range(250)))
    await send(side, batch(content, boot="ffffffff", lost=1))

    async def few() -> bool:
        rows = await asked(
            store,
            "SELECT boot FROM dormouse.delivery v JOIN dormouse.device d ON d.id = v.device_id"
            " WHERE d.key = 'evil'",
        )
        return len(rows) <= 101 and ("ffffffff",) in rows

    await until(few)
    no_harm(side, caplog)
