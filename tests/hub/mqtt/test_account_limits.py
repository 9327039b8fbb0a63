"""What one account may send, through a real broker; its pauses with a clock in the test's hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from hub.mqtt.access import Foreign
from hub.mqtt.account_limits import AccountLimits
from hub.mqtt.delivery import Delivery
from hub.runtime.problems import Problems
from tests.support.broker import until
from tests.support.mqtt311 import Client

PASSWORD = "0123456789abcdef" * 2
TEMPERATURE = "TemperatureSensor/CurrentTemperature"


async def connect(side, name: str) -> Client:
    port = side.ports["mqtt"]
    return await Client.connect("127.0.0.1", port, name, name, PASSWORD, keep_alive=600)


async def let_in(side, name: str) -> Client:
    port = side.ports["mqtt"]
    return await Client.let_in("127.0.0.1", port, name, name, PASSWORD, keep_alive=600)


async def retained(side, device: str) -> list[str]:
    """The topics of which the broker has a message of a device."""
    async with await let_in(side, "viewer") as viewer:
        await viewer.subscribe(f"HomeKit/{device}/#")
        await viewer.ping()
        return [topic for topic, payload, was in viewer.got if was and payload]


@pytest.fixture
async def evil(side):
    for name in ("evil", "good", "viewer"):
        await side.book.provision(name, "home", PASSWORD)
    async with await let_in(side, "evil") as client:
        yield client


SHAPES = {
    "names of its own": "HomeKit/evil/{n}/{n}",
    "indexes and names that there are": "HomeKit/evil/Switch/{n}/On",
    "levels": "HomeKit/evil/a/b/c/d/{n}",
    "what looks like ours": "HomeKit/evil/${n}",
    "commands": "HomeKit/evil/Switch/{n}/On/set",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_what_one_account_retains_is_bounded_and_goes(side, evil, shape):
    side.limits.TOPICS, side.limits.PAUSE_S = 50, 600
    async with await let_in(side, "good") as good:
        await good.publish(f"HomeKit/good/{TEMPERATURE}", "20", retain=True)
        for n in range(200):
            if evil.closed.is_set():
                break
            await evil.publish(shape.format(n=n), "x" * 1000, qos=0, retain=True)
        await until(evil.closed.is_set)
        async with await connect(side, "evil") as again:
            assert again.code == 5

        async def gone() -> bool:
            return await retained(side, "evil") == []

        await until(gone)
        assert await retained(side, "good") == [f"HomeKit/good/{TEMPERATURE}"]
        assert not good.closed.is_set()
    assert side.problems.of("evil")["limit"].count >= 1
    assert "limit" not in side.problems.of("good")


async def test_what_the_hub_leaves_for_a_device_stays(side, evil):
    side.limits.TOPICS, side.limits.PAUSE_S, side.limits.SWEEPS_S = 20, 3.0, (0.0, 1.0)
    await side.source.publish("HomeKit/evil/$config", b"{}", retain=True)
    for n in range(40):
        await evil.publish(f"HomeKit/evil/Switch/{n}/On", "1", qos=0, retain=True)
    await until(evil.closed.is_set)
    got: list[str] = []

    async def let_in() -> bool:
        async with await connect(side, "evil") as again:
            if again.code == 0:
                await again.subscribe("HomeKit/evil/#")
                await again.ping()
                got[:] = [topic for topic, _, _ in again.got]
            return again.code == 0

    await until(let_in)
    assert got == ["HomeKit/evil/$config"]


async def test_a_flood_is_shut_out_and_let_in_again(side, evil):
    side.limits.BURST, side.limits.PAUSE_S = 100, 1.0
    for _ in range(50):
        if evil.closed.is_set():
            break
        await evil.publish(f"HomeKit/evil/{TEMPERATURE}", "x" * 15_000, qos=0)
    await until(evil.closed.is_set)

    async def let_in() -> bool:
        async with await connect(side, "evil") as again:
            return again.code == 0

    await until(let_in)


async def test_what_is_too_large_is_not_kept_and_what_is_a_little_larger_is_counted(side, evil):
    async with await let_in(side, "good") as good:
        await evil.publish("HomeKit/evil/A/0/B", b"x" * 1_000_000, qos=0, retain=True)
        await until(evil.closed.is_set)
        async with await let_in(side, "evil") as again:
            await again.publish("HomeKit/evil/$batch", b"x" * 17_000)
        await good.publish(f"HomeKit/good/{TEMPERATURE}", "20")
    await until(lambda: side.problems.total["too-large"] == 1)
    assert await retained(side, "evil") == []


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Quiet:
    """A source to deliver by hand."""

    def __init__(self) -> None:
        self.acknowledged: list[Delivery] = []

    async def start(self, deliver) -> None:
        self.deliver = deliver

    async def stop(self) -> None:
        pass

    def acknowledge(self, delivery: Delivery) -> None:
        self.acknowledged.append(delivery)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain=False) -> None:
        pass

    def replay(self, topic_filter: str) -> None:
        pass


async def test_pauses_double_and_what_comes_in_them_is_dropped():
    source, clock, told, got = Quiet(), Clock(), [], []

    async def shut_out(names: frozenset[str]) -> None:
        told.append(set(names))

    limits = AccountLimits(source, shut_out, problems := Problems(), clock=clock)
    limits.TOPICS = 3
    await limits.start(got.append)

    def say(device: str, n: int) -> None:
        at = datetime.now(UTC)
        source.deliver(Delivery(f"HomeKit/{device}/Switch/{n}/On", b"1", at))

    for pause in (60, 120, 240):
        for n in range(10):
            say("evil", n)
            say("good", n % 3)
        assert len([d for d in got if "/evil/" in d.topic]) == 3
        assert len([d for d in got if "/good/" in d.topic]) == 10
        assert len(source.acknowledged) == 7, "what is dropped is acknowledged"
        assert f"for {pause} s" in problems.of("evil")["limit"].detail
        await until(lambda: told[-1:] == [{"evil"}])
        clock.now += pause - 1
        say("evil", 0)
        assert len(source.acknowledged) == 8
        clock.now += 2
        limits._changed.set()
        await until(lambda: told[-1:] == [set()])
        got.clear()
        source.acknowledged.clear()
    await limits.stop()
    assert source.acknowledged == []
    await asyncio.sleep(0)


async def test_what_is_remembered_is_bounded():
    source, got = Quiet(), []

    async def shut_out(names: frozenset[str]) -> None:
        pass

    limits = AccountLimits(source, shut_out, Problems(), clock=Clock())
    limits.DEVICES, limits.ALL_TOPICS = 100, 500
    await limits.start(got.append)
    for n in range(3000):
        source.deliver(Delivery(f"HomeKit/d{n % 300}/Switch/{n}/On", b"1", datetime.now(UTC)))
        assert len(limits._used) <= 100
        assert limits._topics == sum(len(used.topics) for used in limits._used.values()) <= 500
    assert len(got) == 3000
    await limits.stop()


async def test_who_is_shut_out_stays_so_however_many_others_are_heard():
    source, clock, told, got = Quiet(), Clock(), [], []

    async def shut_out(names: frozenset[str]) -> None:
        told.append(set(names))

    limits = AccountLimits(source, shut_out, problems := Problems(), clock=clock)
    limits.TOPICS, limits.DEVICES, limits.ALL_TOPICS = 3, 10, 20
    await limits.start(got.append)

    def say(device: str, n: int) -> None:
        source.deliver(Delivery(f"HomeKit/{device}/Switch/{n}/On", b"1", datetime.now(UTC)))

    for n in range(4):
        say("evil", n)
    for n in range(200):
        say(f"good{n}", 0)
    limits._changed.set()
    await until(lambda: told[-1:] == [{"evil"}])
    say("evil", 0)
    assert len([d for d in got if "/evil/" in d.topic]) == 3
    assert problems.of("evil")["dropped"].count == 1
    await limits.stop()


@pytest.mark.parametrize(
    ("topic", "size", "why"),
    [("zigbee2mqtt/{n}", 1, "more than 50 topics"), ("zigbee2mqtt/{n}", 3000, "more than 90000"),
     ("tele/tas1/{n}", 3000, "more than 90000"), ("tele/tas1/" + "x" * 4000 + "{n}", 1, "90000")],
    ids=["topics", "bytes", "of a device", "names"],
)  # fmt: skip
async def test_an_account_is_bounded_at_its_other_topics_too(topic, size, why):
    """A gateway's and those of a device of other firmware: by pattern, and only who may write."""
    source, got = Quiet(), []
    foreign = Foreign(reports=["tele/%u/#"], gateways={"z2m": (["zigbee2mqtt/#"], [])})

    async def shut_out(names: frozenset[str]) -> None:
        pass

    accounts = {"z2m", "tas1", "tas2"}
    limits = AccountLimits(
        source, shut_out, problems := Problems(), clock=Clock(),
        owner_of=lambda topic: foreign.account_of(topic, accounts.__contains__),
    )  # fmt: skip
    limits.FOREIGN_TOPICS, limits.KEPT = 50, 90_000
    await limits.start(got.append)
    for n in range(60):
        for one in (topic.format(n=n), "tele/tas2/SENSOR", f"elsewhere/{n}"):
            payload = b"x" * size if one.startswith(topic[:4]) else b"1"
            source.deliver(Delivery(one, payload, datetime.now(UTC)))
    of = "z2m" if topic.startswith("z") else "tas1"
    assert why in problems.of(of)["limit"].detail
    assert problems.of(of)["dropped"].count >= 8
    assert not problems.of("tas2")
    assert len([d for d in got if d.topic.startswith("elsewhere")]) == 60
    await limits.stop()
