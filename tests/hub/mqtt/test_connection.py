"""What is done at every connection to the broker."""

from __future__ import annotations

import asyncio

import pytest

from hub.mqtt import connection
from hub.mqtt.connection import at_every_connection
from hub.mqtt.errors import NotConnectedError
from tests.support.broker import until


class Link:
    def __init__(self) -> None:
        self.connected, self.lost = asyncio.Event(), asyncio.Event()


async def test_it_is_done_at_each_and_again_while_broker_or_database_is_away(monkeypatch, caplog):
    monkeypatch.setattr(connection, "_FIRST", 0.001)
    link = Link()
    errors: list[Exception] = [NotConnectedError(), ConnectionError("no database")]
    done = 0

    async def work() -> None:
        nonlocal done
        assert link.connected.is_set()
        if errors:
            raise errors.pop()
        done += 1

    task = asyncio.create_task(at_every_connection(link, "wishes are published", work))
    await asyncio.sleep(0)
    assert done == 0
    link.connected.set()
    await until(lambda: done == 1)
    assert caplog.messages == [
        "wishes are published later: no database",
        "wishes are published later: The hub is not connected to its broker",
    ]
    link.connected.clear()
    link.lost.set()
    await asyncio.sleep(0)
    assert done == 1
    link.lost.clear()
    link.connected.set()
    await until(lambda: done == 2)
    errors.append(KeyError("a defect"))
    link.lost.set()
    with pytest.raises(KeyError):
        await task
