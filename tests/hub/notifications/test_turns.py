"""What one tenant's channels take their time for is no other tenant's wait."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from hub.notifications.compose import Composed
from hub.notifications.model import ChannelKind
from hub.notifications.outbox import Outbox
from hub.notifications.service import NewChannel
from tests.hub.notifications.world import OPERATOR
from tests.support.broker import until

BEACH = replace(OPERATOR, tenant="beach")


@pytest.fixture
async def channels(world, receiver):
    """One of home that does not answer, one of beach that does; their numbers by tenant."""
    receiver.slow["/slow"] = threading.Event()
    await world.store.ensure_tenant("beach")
    numbers = {}
    for who, path in ((OPERATOR, "slow"), (BEACH, "quick")):
        new = NewChannel("hook", ChannelKind.WEBHOOK, f"http://{receiver.host}/{path}")
        numbers[who.tenant] = (await world.service.add_channel(who, new))[0].id
    yield numbers
    receiver.slow["/slow"].set()


async def test_what_comes_due_while_another_tenants_channel_is_awaited_goes(
    world, channels, receiver
):
    async def say(tenant: str) -> None:
        said = Composed("Cellar", "1.9 °C", {})
        await Outbox(world.store.of(tenant)).add(channels[tenant], said, world.now)
        world.notifier.hurry()

    await world.notifier.start()
    try:
        await say("home")
        await until(lambda: receiver.waiting == ["/slow"])
        for number in (1, 2):  # again, once its own turn is over
            await say("beach")
            await until(lambda number=number: len(receiver.got) == number)
        assert {one.path for one in receiver.got} == {"/quick"}
        receiver.slow["/slow"].set()
        await until(lambda: len(receiver.got) == 3)
    finally:
        await world.notifier.stop()


async def test_a_channel_is_tried_while_another_tenants_is_awaited(world, channels, receiver):
    awaited = asyncio.create_task(world.service.test(OPERATOR, "hook"))
    await until(lambda: receiver.waiting)
    assert (await world.service.test(BEACH, "hook")).sent_at is not None
    assert not awaited.done()
    receiver.slow["/slow"].set()
    assert (await awaited).sent_at is not None
