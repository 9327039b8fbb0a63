"""Packets larger than a broker takes: they take up no memory, and are counted by account."""

from __future__ import annotations

import asyncio
import contextlib
import struct

from hub.mqtt.broker_room import BrokerRoom
from hub.mqtt.hung_up import HungUp
from hub.runtime.problems import Problems
from tests.support.broker import until
from tests.support.mqtt311 import Client, publish_packet

PASSWORD = "0123456789abcdef" * 2
TEMPERATURE = "TemperatureSensor/CurrentTemperature"
# A PUBLISH of 60 MiB that never comes whole; the enrolment broker may use 64 MiB.
HALF = bytes([0x30, 0x80, 0x80, 0x80, 0x1E]) + struct.pack("!H", 9) + b"enrol/big" + b"x" * 1000


async def let_in(side, name: str) -> Client:
    port = side.ports["mqtt"]
    return await Client.let_in("127.0.0.1", port, name, name, PASSWORD, keep_alive=600)


async def test_who_sends_too_much_is_counted_by_name(side):
    for name in ("evil", "good"):
        await side.book.provision(name, "home", PASSWORD)
    async with await let_in(side, "good") as good:
        for topic, size in (("$batch", 30_000), ("$report", 1_000_000), ("t" * 60_000, 10)):
            async with await let_in(side, "evil") as evil:
                await evil.publish(f"HomeKit/evil/{topic}", b"x" * size, qos=0, retain=True)
                await until(evil.closed.is_set)
        await until(lambda: side.problems.total["oversize"] == 3)
        assert side.problems.of("evil")["oversize"].count == 3
        await good.publish(f"HomeKit/good/{TEMPERATURE}", "20")
        assert not side.problems.of("good")


async def test_who_subscribes_without_end_is_shut_out(side):
    """Each level is memory of the broker's: 18,600 filters of 43 levels filled it in a second."""
    side.limits.subscriptions.LEVELS, side.limits.PAUSE_S = 5000, 600
    for name in ("evil", "good"):
        await side.book.provision(name, "home", PASSWORD)
    async with await let_in(side, "good") as good, await let_in(side, "evil") as evil:
        for n in range(200):
            assert await good.subscribe(f"HomeKit/good/Switch/{n % 5}/On/set") == 1
        with contextlib.suppress(ConnectionError):
            for n in range(2000):
                await evil.subscribe(f"HomeKit/evil/{n}/{'+/' * 40}x")
        await until(evil.closed.is_set)
        await good.ping()
    assert "levels" in side.problems.of("evil")["limit"].detail
    assert not side.problems.of("good")


async def test_half_of_a_huge_packet_takes_no_memory_from_others(side):
    port = side.ports["enrol"]
    strangers = [await Client.connect("127.0.0.1", port, f"stranger{n}") for n in range(3)]
    for stranger in strangers:
        stranger.writer.write(HALF)
    async with asyncio.timeout(30):
        await asyncio.gather(*(stranger.closed.wait() for stranger in strangers))
    for stranger in strangers:
        await stranger.close()


async def test_what_waits_for_an_account_that_takes_nothing_is_dropped(side):
    """Its session is ended by the hub itself; it comes back to an empty one."""
    side.limits.PAUSE_S = 1.0
    await side.book.provision("evil", "home", PASSWORD)
    port, login = side.ports["mqtt"], ("evil", "evil", PASSWORD)
    async with await Client.let_in("127.0.0.1", port, *login, clean=False) as evil:
        await evil.subscribe("HomeKit/evil/#")
    await side.source.publish("HomeKit/evil/Switch/On/set", "1")
    side.limits.unread("evil")
    await until(lambda: "evil" in side.broker.accounts.passing)
    await until(lambda: "evil" not in side.broker.accounts.passing)
    async with await Client.let_in("127.0.0.1", port, *login, clean=False) as evil:
        await side.source.publish("HomeKit/evil/Switch/On/set", "0")
        await evil.ping()
        assert evil.got == []
    assert "does not take" in side.problems.of("evil")["limit"].detail


async def test_what_waits_for_all_accounts_together_is_bounded(side):
    """Seven accounts, each below what one is shut out for; who has little waiting stays."""
    side.limits.ALL_KEPT, side.limits.SETTLE_S, side.limits.PAUSE_S = 4 << 20, 0.5, 600
    evils = [f"evil{n}" for n in range(7)]
    for name in ("good", *evils):
        await side.book.provision(name, "home", PASSWORD)
    port = side.ports["mqtt"]
    held: list[int] = []
    holds = side.limits.broker_holds
    side.limits.broker_holds = lambda size: (held.append(size), holds(size))
    async with contextlib.AsyncExitStack() as stack:
        good = await stack.enter_async_context(await let_in(side, "good"))
        await good.subscribe("HomeKit/good/#")
        await good.publish(f"HomeKit/good/{TEMPERATURE}", "20")
        for name in evils:
            evil = await Client.let_in("127.0.0.1", port, name, name, PASSWORD, clean=False)
            await stack.enter_async_context(evil)
            await evil.subscribe(f"HomeKit/{name}/#")
            evil.hang()
            for mid in range(1, 81):
                evil.writer.write(publish_packet(f"HomeKit/{name}/a/b", b"x" * 15_000, mid))
                await evil.writer.drain()
        await until(lambda: max(held, default=0) > side.limits.ALL_KEPT)
        await until(lambda: held[-1] < side.limits.ALL_KEPT)
        await good.ping()
    limited = [name for name in evils if "MiB" in str(side.problems.of(name).get("limit"))]
    assert 3 <= len(limited) <= 7
    assert not side.problems.of("good")


def test_who_has_most_kept_gives_way_first():
    room = BrokerRoom()
    room.sent("gateway", 900)  # nobody subscribes to it
    room.subscribed("own", "HomeKit/own/#")
    room.subscribed("viewer.a", "HomeKit/#")
    room.sent("own", 500)
    room.sent("other", 100)
    room.subscribed("viewer.late", "HomeKit/own/#")
    kept = {name: room.waiting(name) for name in ("gateway", "own", "viewer.a", "viewer.late")}
    assert kept == {"gateway": 0, "own": 500, "viewer.a": 600, "viewer.late": 0}
    assert room.largest({"own": 200, "retains": 650}, 1) == ["own"]
    assert room.largest({"own": 200, "retains": 650}, 1000) == ["own", "retains"]
    assert room.largest({}, 1500) == ["viewer.a", "own"]
    # Who has little gives way to no avail.
    assert room.largest({"own": 200, "good": 10}, 10_000) == []
    assert room.accounted({"own": 200, "good": 10}) == 1310
    room.forget("own")
    assert room.largest({}, 1200) == ["viewer.a"]


def test_no_stranger_puts_a_line_into_the_log_that_counts():
    problems = Problems()
    unread: list[str] = []
    hung_up = HungUp(problems, "hub", {"evil", "good"}.__contains__, unread=unread.append)
    for line in (
        "Client nobody disconnected due to oversize packet.",
        "New client connected from 10.0.0.9 as good disconnected due to oversize packet. (p2, c1)",
        "Client x Client good disconnected due to oversize packet.",
        "Client good disconnected due to oversize packet. disconnected, not authorised.",
        "Outgoing messages are being dropped for client good.",
        "Outgoing messages are being dropped for client nobody.",
        "Client good disconnected.",
    ):
        hung_up.line(line)
    assert not problems.total
    assert unread == ["good"]
    hung_up.line("Client evil disconnected due to oversize packet.")
    hung_up.line("Outgoing messages are being dropped for client hub.")
    assert problems.total == {"oversize": 1, "overflow": 1}
    assert problems.of("evil")["oversize"].count == 1
