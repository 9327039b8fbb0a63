"""What MQTT 5 lets an account send besides messages, and what of it reaches anybody."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from contextlib import asynccontextmanager

import pytest

from hub.mqtt.broker_room import resident
from tests.support.broker import until
from tests.support.mqtt5 import (
    SESSION_EXPIRY,
    SUBSCRIPTION_ID,
    TOPIC_ALIAS,
    WILL_DELAY,
    connect5,
    properties,
    publish5,
    subscribe5,
    user_properties,
)
from tests.support.mqtt311 import Client, packet

PASSWORD = "0123456789abcdef" * 2
TEMPERATURE = "TemperatureSensor/CurrentTemperature"
OWN = "HomeKit/evil"
PING, PONG = packet(0xC0, b""), packet(0xD0, b"")
MANY = properties(*user_properties(4000))
# 65,535 of them would be kept for each connection; the broker allows ten.
ALIAS = properties(struct.pack("!BH", TOPIC_ALIAS, 65535))
NUMBER = properties(bytes([SUBSCRIPTION_ID]) + b"\xff\xff\xff\x7f")

BOMBS = {
    "user properties": [publish5(f"{OWN}/a", b"x", 1, with_properties=MANY)] * 50,
    "the same in SUBSCRIBE": [subscribe5([f"{OWN}/#"], 2, with_properties=MANY)] * 50,
    "topic aliases": [publish5(f"{OWN}/a", b"x", 3, with_properties=ALIAS)] * 50,
    "an alias that was never named": [publish5("", b"x", 3, with_properties=ALIAS)],
    "a subscription id": [subscribe5([f"{OWN}/#"], 4, with_properties=NUMBER)] * 50,
    "shares": [subscribe5([f"$share/g{n}/{OWN}/#" for n in range(500)], 5)],
    "wildcards": [
        subscribe5([f"{OWN}/{'+/' * n}#" for n in range(100)], 6),
        *(publish5(f"{OWN}/{n}/b/c", b"x" * 500, 10 + n) for n in range(100)),
    ],
    "properties that are cut": [publish5(f"{OWN}/a", b"", 7, with_properties=b"\xff\xff\xff\x7f")],
    "a property of none": [publish5(f"{OWN}/a", b"x", 8, with_properties=b"\x01\x7e")],
}  # fmt: skip


@asynccontextmanager
async def evil(side, **options):
    """A connection of the account evil with MQTT 5, let in."""
    for _ in range(200):
        reader, writer = await asyncio.open_connection("127.0.0.1", side.ports["mqtt"])
        writer.write(connect5("evil", "evil", PASSWORD, **options))
        head = await reader.read(4)
        if len(head) == 4 and head[3] == 0:
            break
        writer.transport.abort()
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("evil was not let in")
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the broker has handled what came before, or has hung up."""
    writer.write(PING)
    said = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(30):
            while PONG not in said:
                piece = await reader.read(65536)
                if not piece:
                    return
                said = said[-1:] + piece


@pytest.fixture
async def good(side):
    for name in ("evil", "good"):
        await side.book.provision(name, "home", PASSWORD)
    port = side.ports["mqtt"]
    async with await Client.let_in(
        "127.0.0.1", port, "good", "good", PASSWORD, keep_alive=600
    ) as client:
        yield client


async def test_nobody_else_notices_them(side, good):
    """One after the other; the broker lives, the hub stays connected, and reads the next device."""
    process, before = side.broker.main.pid, resident(side.broker.main.pid)
    for packets in BOMBS.values():
        async with evil(side) as (reader, writer):
            for one in packets:
                writer.write(one)
            await answered(reader, writer)
    await good.publish(f"HomeKit/good/{TEMPERATURE}", "20")
    await until(lambda: any(one.series.device == "good" for one, _ in side.shown.updates))
    assert side.broker.main.pid == process
    assert side.source.connected.is_set()
    assert resident(process) - before < 20 << 20
    assert not side.problems.of("good")


async def test_a_will_that_comes_while_its_sender_is_shut_out_leaves_nothing(side, good):
    """Retained, and delayed to when nobody would look any more: it goes with the session."""
    side.limits.PAUSE_S, side.limits.SWEEPS_S = 600, (0.0, 0.5, 1.0)
    await side.book.provision("viewer", "home", PASSWORD)
    delay = properties(struct.pack("!BI", WILL_DELAY, 3600))
    stays = properties(struct.pack("!BI", SESSION_EXPIRY, 0xFFFFFFFF))
    will = (f"{OWN}/late/0/x", b"x" * 10_000, delay)
    options = {"with_properties": stays, "will": will, "will_retained": True, "clean": False}
    async with evil(side, **options) as (reader, writer):
        await answered(reader, writer)
    side.limits.unread("evil")
    await until(lambda: "evil" in side.broker.accounts.passing)
    await until(lambda: "evil" not in side.broker.accounts.passing)
    port, login = side.ports["mqtt"], ("viewer", "viewer", PASSWORD)

    async def nothing_is_left() -> bool:
        async with await Client.let_in("127.0.0.1", port, *login, keep_alive=600) as viewer:
            await viewer.subscribe(f"{OWN}/#")
            await viewer.ping()
            return not any(payload for _, payload, retained in viewer.got if retained)

    await until(nothing_is_left)
