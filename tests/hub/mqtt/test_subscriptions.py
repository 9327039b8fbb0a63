"""What an account has the broker keep and do by subscribing, and by properties, is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest

from hub.mqtt.subscriptions import Subscriptions
from tests.support.broker import until
from tests.support.mqtt5 import connect5, properties, publish5, subscribe5, user_properties
from tests.support.mqtt311 import Client, connect_packet, packet

PASSWORD = "0123456789abcdef" * 2
TEMPERATURE = "TemperatureSensor/CurrentTemperature"
OWN = "HomeKit/evil"
# Each is some 56 bytes of the broker's memory for 5 on the way.
EMPTY = properties(*user_properties(4000, size=0))
MB = 1 << 20


def subscribe(*filters: str) -> bytes:
    asked = b"".join(struct.pack("!H", len(one)) + one.encode() + b"\x01" for one in filters)
    return packet(0x82, struct.pack("!H", 7) + asked)


@pytest.fixture
async def good(side):
    side.limits.PAUSE_S = 600
    for name in ("evil", "good"):
        await side.book.provision(name, "home", PASSWORD)
    at = "127.0.0.1", side.ports["mqtt"]
    async with await Client.let_in(*at, "evil", "evil", PASSWORD):
        pass  # the broker knows it by now
    async with await Client.let_in(*at, "good", "good", PASSWORD, keep_alive=600) as client:
        yield client


async def attack(side, first: bytes, packets: list[bytes]) -> str:
    """Send packets as the account evil, reading all that comes; what it is shut out for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", side.ports["mqtt"])
    writer.write(first)
    reading = asyncio.create_task(drain(reader))
    with contextlib.suppress(ConnectionError):
        for one in packets:
            writer.write(one)
            await writer.drain()
    await until(lambda: "limit" in side.problems.of("evil"))
    writer.transport.abort()
    await reading
    return side.problems.of("evil")["limit"].detail


async def drain(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


HELLO = connect_packet("evil", "evil", PASSWORD, clean=False, keep_alive=600)
HELLO5 = connect5("evil", "evil", PASSWORD, clean=False)


async def test_filters_that_look_alike_in_the_log_are_too_long(side, good):
    """mosquitto's lines end after 1000 bytes: 12,000 of these filled it, as one to the hub."""
    alike = [subscribe(f"{OWN}/{'t' * 20_000}{n}") for n in range(20)]
    assert "500 bytes" in await attack(side, HELLO, alike)
    await good.ping()
    assert not side.problems.of("good")


async def test_the_same_filter_again_and_again_is_counted(side, good):
    """mosquitto 2.0.11 keeps each for as long as it runs."""
    side.limits.BURST = 500
    for _ in range(20):  # as many wakes
        assert await good.subscribe(f"HomeKit/good/{TEMPERATURE}/set") == 1
    assert "subscribes" in await attack(side, HELLO, [subscribe(*[f"{OWN}/a"] * 100)] * 8)
    await good.ping()
    assert not side.problems.of("good")


async def test_wildcards_count_by_what_they_replay(side, good):
    """A packet with 1300 of them at 950 retained messages took the broker five seconds."""
    side.limits.BURST = 3000
    port = side.ports["mqtt"]
    async with await Client.connect("127.0.0.1", port, "evil", "evil", PASSWORD) as evil:
        for name, client in (("good", good), ("evil", evil)):
            for n in range(200):
                await client.publish(f"HomeKit/{name}/Switch/{n % 90}/{n}", "1", retain=True)
    # They and what the broker tells in its log come to the hub in ways of their own.
    await until(lambda: side.problems.total["characteristic"] == 400)
    assert await good.subscribe("HomeKit/good/#") == 1
    assert "subscribes" in await attack(side, HELLO, [subscribe(*[f"{OWN}/#"] * 200)])
    await good.ping()
    assert "limit" not in side.problems.of("good")


async def test_properties_that_are_retained_count_as_what_they_take_up(side, good):
    """990 messages of one byte, with 4200 empty user properties each, took up 223 MB."""
    side.limits.KEPT = 2 * MB
    kept = [retained5(f"{OWN}/Switch/{n}/On", EMPTY) for n in range(60)]
    assert "leaves more" in await attack(side, HELLO5, kept)
    await said_again(side, good)


async def test_properties_that_wait_count_as_what_they_take_up(side, good):
    """1400 messages of one byte, which nobody confirmed, took up 270 MB."""
    side.limits.waiting.MOST = MB
    reader, writer = await asyncio.open_connection("127.0.0.1", side.ports["mqtt"])
    writer.write(HELLO5 + subscribe5([f"{OWN}/#"], 1))
    reading = asyncio.create_task(drain(reader))
    await until(lambda: side.limits.waiting.reads("evil", f"{OWN}/a"))
    for mid in range(1, 90):
        writer.write(publish5(f"{OWN}/Switch/0/On", b"1", mid, with_properties=EMPTY))
    await until(lambda: "limit" in side.problems.of("evil"))
    writer.transport.abort()
    await reading
    assert "wait" in side.problems.of("evil")["limit"].detail
    await said_again(side, good)


async def test_what_the_broker_keeps_for_nobody_is_no_accounts_fault(side, good):
    """It begins anew without that, and nobody is shut out for it."""
    side.limits.ALL_KEPT, side.limits.SETTLE_S = 6 * MB, 0.5
    held: list[int] = []
    holds = side.limits.broker_holds
    side.limits.broker_holds = lambda size: (held.append(size), holds(size))
    await good.publish(f"HomeKit/good/{TEMPERATURE}", "20", retain=True)
    process = side.broker.main.pid
    reader, writer = await asyncio.open_connection("127.0.0.1", side.ports["mqtt"])
    writer.write(HELLO)
    # As if the hub had not been told: what is the broker's own fault depends on its version.
    side.limits.subscribed = lambda *_: None
    reading = asyncio.create_task(drain(reader))
    with contextlib.suppress(ConnectionError):
        for n in range(400):
            writer.write(subscribe(*(f"{OWN}/{n}/{i}{'x' * 300}" for i in range(60))))
            await writer.drain()
    await until(lambda: max(held, default=0) > side.limits.ALL_KEPT)
    await until(lambda: side.problems.total["broker-memory"])
    await until(lambda: side.broker.main.pid not in {None, process})
    writer.transport.abort()
    await reading
    assert side.problems.total["broker-memory"] == 1
    assert not side.problems.of("good").get("limit")
    await side.source.connected.wait()
    await said_again(side, good)


def retained5(topic: str, with_properties: bytes) -> bytes:
    plain = publish5(topic, b"1", 9, with_properties=with_properties)
    return bytes([plain[0] | 1]) + plain[1:]


async def said_again(side, good: Client) -> None:
    """The good account is heard, after a new start of the broker too, which MQTT 5 may want."""
    port, login = side.ports["mqtt"], ("good", "good", PASSWORD)

    async def heard() -> bool:
        with contextlib.suppress(ConnectionError):
            async with await Client.let_in("127.0.0.1", port, *login) as again:
                await again.publish(f"HomeKit/good/{TEMPERATURE}", "21")
        return any(one.series.device == "good" for one, _ in side.shown.updates)

    await until(heard)
    assert "limit" not in side.problems.of("good")


def test_what_a_subscription_counts_as():
    work = Subscriptions.work
    assert work("HomeKit/a/Switch/On/set", 1000) == 1
    assert work("HomeKit/a/#", 1000) == work("HomeKit/a/+/On", 1000) == 101
    assert work("HomeKit/a/" + "x" * 490, 0) == 11


def test_filters_of_an_account_are_bounded_until_its_session_ends():
    subscriptions = Subscriptions()
    subscriptions.LEVELS = 20
    assert not subscriptions.add("a", "HomeKit/a/b/c")
    for _ in range(10):  # the same one
        assert not subscriptions.add("a", "HomeKit/a/b/c")
    assert not subscriptions.add("a", "HomeKit/a/b/d")
    assert "levels" in subscriptions.add("a", "HomeKit/a/b/e")
    assert not subscriptions.add("b", "HomeKit/b/#")
    subscriptions.forget("a")
    assert not subscriptions.add("a", "HomeKit/a/b/e")
    assert "500 bytes" in subscriptions.add("a", "x" * 501)
