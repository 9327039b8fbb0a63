"""Two hubs at one broker: the second is refused, or waits; a real mosquitto between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts import topics
from hub.mqtt.claim import BrokerClaim
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.errors import BrokerHeldError, BrokerTwiceError
from hub.runtime.standby import Standby, StandbyEndedError
from hub.runtime.supervisor import Supervisor
from tests.support.broker import open_broker, subscriber, until


@pytest.fixture
async def port(short_tmp: Path) -> AsyncIterator[int]:
    async with open_broker(short_tmp) as port:
        yield port


def at(port: int) -> Endpoint:
    return Endpoint("127.0.0.1", port)


class Claimed:
    def __init__(self, port: int, *, wanted: bool = False) -> None:
        self.standby = Standby(wanted=wanted)
        self.claim = BrokerClaim(at(port), supervisor=Supervisor(), standby=self.standby)

    @asynccontextmanager
    async def running(self):
        try:
            await self.claim.start()
            yield self.claim
        finally:
            await self.claim.stop()

    async def die(self) -> None:
        """As a process that is killed: the connection ends without a word."""
        await self.claim._tasks.stop()
        source = self.claim._source
        await source._tasks.stop()
        source._driver.release(source._client)


async def test_a_second_hub_is_refused_until_the_first_has_ended(port):
    async with Claimed(port).running():
        with pytest.raises(
            BrokerHeldError,
            match=r"uses this broker: a hub on .*\(pid .* since \d{4}-.* \d\d:\d\d UTC\)",
        ):
            async with Claimed(port).running():
                pass
        # One that was refused took nothing with it.
        with pytest.raises(BrokerHeldError):
            async with Claimed(port).running():
                pass
    async with subscriber(at(port), topics.HUB_CLAIM) as (_, got):
        async with Claimed(port).running():
            pass
        await until(lambda: len(got) == 2)
    assert [bool(one.payload) for one in got] == [True, False]


async def test_a_hub_that_stands_by_takes_over_from_one_that_was_killed(port, caplog):
    caplog.set_level("INFO")
    first, spare = Claimed(port), Claimed(port, wanted=True)
    await first.claim.start()
    spare.claim.CONNECTED_WITHIN = spare.claim.ANSWERS_WITHIN = 0.5
    waiting = asyncio.create_task(spare.claim.start())
    await until(lambda: "standing by: a hub on " in caplog.text)
    assert not waiting.done()
    await first.die()
    await waiting
    with pytest.raises(BrokerHeldError):
        async with Claimed(port).running():
            pass
    await spare.claim.stop()


async def test_a_hub_that_is_stopped_stands_by_no_longer(port, caplog):
    caplog.set_level("INFO")
    spare = Claimed(port, wanted=True)
    spare.claim.CONNECTED_WITHIN = spare.claim.ANSWERS_WITHIN = 0.5
    async with Claimed(port).running():
        waiting = asyncio.create_task(spare.claim.start())
        await until(lambda: "standing by" in caplog.text)
        spare.standby.stopped.set()
        with pytest.raises(StandbyEndedError):
            await waiting
        await spare.claim.stop()


@pytest.mark.parametrize("said", [b"{}", b"\xff", b"[1]", json.dumps(
    {"mark": "gone", "host": "attic", "pid": 1, "version": "1", "since": "2026"}
).encode()])  # fmt: skip
async def test_what_nobody_answers_for_keeps_no_hub_away(port, monkeypatch, said):
    """Left by a hub that went down together with the broker, or by somebody else."""
    monkeypatch.setattr(BrokerClaim, "ANSWERS_WITHIN", 0.1)
    async with subscriber(at(port), "none") as (source, _):
        await source.publish(topics.HUB_CLAIM, said, retain=True)
    claimed = Claimed(port)
    async with claimed.running():
        assert claimed.claim._ours


async def test_of_two_that_come_at_once_one_stays(port):
    pair = [Claimed(port), Claimed(port)]
    starts = await asyncio.gather(*(one.claim.start() for one in pair), return_exceptions=True)

    def one_is_out() -> bool:
        out = [
            isinstance(start, BrokerHeldError) or one.standby.failure is not None
            for start, one in zip(starts, pair, strict=True)
        ]
        return sum(out) == 1

    await until(one_is_out)
    assert sum(one.claim._ours for one in pair) == 1
    for one in pair:
        await one.claim.stop()


async def test_a_claim_that_another_last_will_took_is_said_again(port):
    async with Claimed(port).running(), subscriber(at(port), topics.HUB_CLAIM) as (source, got):
        await source.publish(topics.HUB_CLAIM, b"", retain=True)
        await until(lambda: len(got) == 2)
        with pytest.raises(BrokerHeldError):
            async with Claimed(port).running():
                pass


async def test_a_broker_that_lets_an_account_connect_once_is_not_claimed(broker, caplog):
    """As our own does, by use_username_as_clientid: each connection would end the other."""
    claim = BrokerClaim(broker.endpoint, supervisor=Supervisor())
    await claim.start()
    assert "lets an account connect once" in caplog.text
    async with subscriber(broker.endpoint, "HomeKit/#") as (source, _):
        await source.publish("HomeKit/dev/Switch/On", "1")
    await claim.stop()


async def test_workers_of_one_database_claim_a_broker_together(port):
    standbys = []

    def of(name: str, cluster: str) -> BrokerClaim:
        standbys.append(Standby(wanted=name == "localhost"))
        more = {"standby": standbys[-1], "supervisor": Supervisor()}
        return BrokerClaim(Endpoint(name, port), cluster=cluster, **more)

    first, second = of("127.0.0.1", "ours"), of("127.0.0.1", "ours")
    await first.start()
    await second.start()
    # Another database's worker is refused, and so is ours where it calls the broker otherwise.
    for other, error in (
        (of("127.0.0.1", "theirs"), BrokerHeldError),
        (of("localhost", "ours"), BrokerTwiceError),
    ):
        with pytest.raises(error, match=r"another hub uses this broker|are the same broker"):
            await other.start()
        # Who was there already is not harmed by it, and answers.
        async with subscriber(at(port), topics.HUB_CLAIM) as (source, got):
            await source.publish(topics.HUB_CLAIM_ASKED, "x")
            await until(lambda: len([one for one in got if not one.retained]) >= 2)
        await other.stop()
    assert [one.failure for one in standbys] == [None] * 4
    # The one that goes takes its claim back, which is the other's too: that says it again.
    async with subscriber(at(port), topics.HUB_CLAIM) as (_, said):
        await second.stop()
        await until(lambda: b"" in [one.payload for one in said] and said[-1].payload != b"")
    with pytest.raises(BrokerHeldError):
        await (third := of("127.0.0.1", "theirs")).start()
    await third.stop()
    await first.stop()
