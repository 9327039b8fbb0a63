"""A tenant whose readings cannot be stored, and the others, through broker and database."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime

import psycopg
import pytest

from contracts.reading import Identity, Reading, SeriesKey
from hub.database.database import Database
from hub.ingest.ingest import Ingest
from hub.ingest.receipt import Receipt
from hub.runtime.supervisor import PartRole, Supervisor
from tests.support.broker import until
from tests.support.mqtt311 import Client

PASSWORD = "0123456789abcdef" * 2
LIGHT = "LightSensor/CurrentAmbientLightLevel"
# More than the broker gives the hub at once.
FLOOD = 3000


@contextlib.asynccontextmanager
async def held(database, tenant: str):
    """Nothing of a tenant can be stored within the block."""
    async with await psycopg.AsyncConnection.connect(database.owner_url) as owner:
        await owner.execute(
            "SELECT pg_advisory_xact_lock(dormouse.rollup_lock(dormouse.tenant_id(%s)))", [tenant]
        )
        yield


async def count(store: Database, tenant: str) -> int:
    async with store.of(tenant).transaction() as conn:
        return (await (await conn.execute("SELECT count(*) FROM dormouse.reading")).fetchone())[0]


async def acknowledged(client: Client, seq: int) -> None:
    def there() -> bool:
        return any(json.loads(payload)["seq"] == seq for _, payload, _ in client.got)

    await until(there)


def batch(seq: int) -> str:
    readings = [[seq, 0, LIGHT, seq]]
    return json.dumps({"boot": "9f3a61c2", "up": seq, "readings": readings})


async def test_one_tenant_that_cannot_store_holds_up_no_other(
    side, store: Database, database, monkeypatch
):
    monkeypatch.setattr(Ingest, "STUCK_S", 0.0)
    await store.ensure_tenant("beach")
    await side.book.provision("dev", "home", PASSWORD)
    await side.book.provision("sea", "beach", PASSWORD)
    port = side.ports["mqtt"]
    async with (
        await Client.let_in("127.0.0.1", port, "dev", "dev", PASSWORD, keep_alive=600) as dev,
        await Client.let_in("127.0.0.1", port, "sea", "sea", PASSWORD, keep_alive=600) as sea,
    ):
        await sea.subscribe("HomeKit/sea/$ack")
        await sea.publish("HomeKit/sea/$batch", batch(1))
        await acknowledged(sea, 1)
        async with held(database, "home"):
            for first in range(0, FLOOD, 100):
                some = range(first, first + 100)
                await asyncio.gather(*(dev.publish(f"HomeKit/dev/{LIGHT}", str(n)) for n in some))
            await sea.publish("HomeKit/sea/$batch", batch(2))
            await acknowledged(sea, 2)
            await until(lambda: side.ingest.stuck_since("home") is not None)
            assert side.ingest.stuck_since("beach") is None
            assert side._supervisor.failed() == {PartRole.INTAKE}

        # Nothing of it was lost, and nobody is called stuck any more.
        async def all_there() -> bool:
            return await count(store, "home") == FLOOD

        await until(all_there)
        await until(lambda: side.ingest.stuck_since("home") is None)
        assert side._supervisor.failed() == set()
    assert await count(store, "beach") == 2


def reading(seq: int, *, identity: bool) -> Reading:
    key = SeriesKey("d1", "LightSensor", 0, "CurrentAmbientLightLevel")
    return Reading(key, seq, datetime.now(UTC), Identity("b", seq) if identity else None)


@pytest.mark.parametrize(
    ("identity", "qos", "kept"),
    [(True, 1, 10), (False, 0, 10), (False, 1, 15)],
    ids=["sent again by its device", "QoS 0", "kept by the broker alone"],
)
async def test_what_waits_in_memory_is_bounded(store: Database, identity, qos, kept):
    ingest = Ingest(store.of("home"))
    ingest.MOST = 10
    released: list[int] = []
    done: list[int] = []
    for seq in range(1, 16):
        release = (lambda seq=seq: released.append(seq)) if qos else None
        receipt = Receipt(lambda seq=seq: done.append(seq), release)
        ingest.put([reading(seq, identity=identity)], receipt)
    assert ingest.pending == kept
    assert ingest.counts["dropped"] == 15 - kept
    assert released == (list(range(11, 16)) if qos and kept == 10 else [])
    await ingest.start()
    await ingest.stop()
    assert done == list(range(1, kept + 1)), "what was dropped is not said to be stored"


async def test_what_was_let_go_is_bounded_whatever_it_is(store: Database):
    ingest = Ingest(store.of("home"))
    ingest.MOST = 10
    released: list[int] = []
    for seq in range(1, 6):
        receipt = Receipt(lambda: None, lambda seq=seq: released.append(seq))
        ingest.put([reading(seq, identity=False)], receipt)
    ingest.let_go()
    assert released == [1, 2, 3, 4, 5]
    for seq in range(6, 16):
        receipt = Receipt(lambda: None, lambda seq=seq: released.append(seq))
        ingest.put([reading(seq, identity=False)], receipt)
    assert released == list(range(1, 16))
    assert (ingest.pending, ingest.counts["dropped"]) == (10, 5)


async def test_one_that_is_slow_alone_is_not_called_stuck(store: Database):
    """As where thousands of devices begin at once on a busy machine."""
    now = 100.0
    supervisor = Supervisor()
    ingest = Ingest(store.of("home"), supervisor=supervisor, clock=lambda: now)
    released: list[int] = []
    receipt = Receipt(lambda: None, lambda: released.append(1))
    ingest.put([reading(1, identity=False)], receipt)
    now += 9.9
    ingest.let_go()
    assert released == [1]
    assert ingest.stuck_since is None
    now += 0.1
    ingest.let_go()
    assert ingest.stuck_since is not None
    await ingest.start()
    await until(lambda: ingest.pending == 0)
    assert ingest.stuck_since is None
    assert supervisor.failed() == set()
    await ingest.stop()
