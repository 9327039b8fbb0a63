"""What one account lets wait for itself at the broker is a few MB, not what the hub may have."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from hub.mqtt.waiting import Waiting
from tests.support.broker import until
from tests.support.mqtt311 import Client, connect_packet, publish_packet, subscribe_packet

PASSWORD = "0123456789abcdef" * 2
MB = 1 << 20


async def test_who_hears_itself_and_confirms_nothing_is_shut_out(side):
    """It reads all that it is sent, so that no connection stands still; one that confirms stays."""
    side.limits.waiting.MOST, side.limits.PAUSE_S = 300_000, 600
    for name in ("evil", "good"):
        await side.book.provision(name, "home", PASSWORD)
    port = side.ports["mqtt"]
    async with await Client.let_in(
        "127.0.0.1", port, "good", "good", PASSWORD, clean=False
    ) as good:
        await good.subscribe("HomeKit/good/#")
        for _ in range(60):
            await good.publish("HomeKit/good/Switch/On", b"x" * 15_000)
        async with await Client.let_in("127.0.0.1", port, "evil", "evil", PASSWORD):
            pass  # the broker knows it by now
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connect_packet("evil", "evil", PASSWORD, clean=False, keep_alive=600))
        writer.write(subscribe_packet("HomeKit/evil/+/+", 1))
        reading = asyncio.create_task(drain(reader))
        # The broker tells of it by its log, which is read when there is time for it: what was said
        # before is not counted, and who goes on is caught by what comes after.
        await until(lambda: side.limits.waiting.reads("evil", "HomeKit/evil/Switch/On"))
        # 100 are on their way at once, whoever confirms what.
        for mid in range(2, 160):
            writer.write(publish_packet("HomeKit/evil/Switch/On", b"x" * 15_000, mid))
        await until(lambda: "limit" in side.problems.of("evil"))
        writer.transport.abort()
        await reading
        await good.ping()
    assert "wait" in side.problems.of("evil")["limit"].detail
    assert "limit" not in side.problems.of("good")


async def drain(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


@pytest.fixture
def taken() -> dict[str, int | None]:
    return {}


@pytest.fixture
def waiting(taken: dict[str, int | None]) -> Waiting:
    made = Waiting(taken.get)
    made.connected("dev", stays=True)
    made.subscribed("dev", "$share/g/HomeKit/dev/+/On")
    return made


def test_what_nobody_reads_does_not_wait(waiting: Waiting):
    for _ in range(100):
        assert not waiting.said("dev", "HomeKit/dev/$batch", MB)
        assert not waiting.said("other", "HomeKit/other/Switch/On", MB)


def test_what_was_taken_does_not_wait(waiting: Waiting, taken: dict[str, int | None]):
    for n in range(100):
        taken["dev"] = n * MB
        assert not waiting.said("dev", "HomeKit/dev/Switch/On", MB)
    assert [waiting.said("dev", "HomeKit/dev/Switch/On", MB) for _ in range(9)].count(True) >= 1


def test_what_is_left_behind_again_and_again_is_too_much(waiting: Waiting):
    for n in range(4):
        assert not waiting.said("dev", "HomeKit/dev/Switch/On", MB), n
        waiting.connected("dev", stays=True)
    assert waiting.said("dev", "HomeKit/dev/Switch/On", 1)


def test_wakes_and_clean_sessions_leave_nothing(waiting: Waiting):
    for _ in range(1000):
        assert not waiting.said("dev", "HomeKit/dev/Switch/On", 50_000)
        waiting.connected("dev", stays=True)
    for _ in range(9):
        waiting.connected("dev", stays=False)
        waiting.subscribed("dev", "HomeKit/dev/#")
        assert not waiting.said("dev", "HomeKit/dev/Switch/On", 3 * MB)
    assert not waiting.said("dev", "HomeKit/dev/Switch/On", 3 * MB)


def test_where_nobody_may_look_the_brokers_bound_holds(waiting: Waiting, taken):
    taken["dev"] = -1
    assert not any(waiting.said("dev", "HomeKit/dev/Switch/On", MB) for _ in range(100))


def test_too_many_filters_read_everything(waiting: Waiting):
    for n in range(60):
        waiting.subscribed("dev", f"HomeKit/dev/Switch/{n}/On")
    assert any(waiting.said("dev", "HomeKit/dev/$batch", MB) for _ in range(9))
