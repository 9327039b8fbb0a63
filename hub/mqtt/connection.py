"""A connection to the broker as other parts see it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from hub.database.errors import DatabaseAwayError
from hub.mqtt.errors import NotConnectedError
from hub.runtime.retry import reason, retrying

__all__ = ["BrokerConnection", "at_every_connection"]

log = logging.getLogger(__name__)

# s: a broker that has just come back is busy, a database may be starting.
_FIRST, _LONGEST = 1.0, 10.0


class BrokerConnection(Protocol):
    """What hub.mqtt.source.MqttSource shows of its connection."""

    connected: asyncio.Event
    """Set while subscribed."""
    lost: asyncio.Event
    """Set from the end of a connection to the next attempt."""


async def at_every_connection(
    link: BrokerConnection, what: str, work: Callable[[], Awaitable[None]]
) -> None:
    """Run `work` whenever a connection to the broker begins, until cancelled.

    While the broker or the database is away it is tried again; `what` is said to wait then. Of
    several brokers (SeveralSources) whenever one begins to any of them.
    """
    links: Sequence[BrokerConnection] = getattr(link, "links", (link,))
    turn = asyncio.Lock()
    if len(links) == 1:
        await _at_every(links[0], what, work, turn)
        return
    async with asyncio.TaskGroup() as every:
        for one in links:
            every.create_task(_at_every(one, what, work, turn))


async def _at_every(
    link: BrokerConnection, what: str, work: Callable[[], Awaitable[None]], turn: asyncio.Lock
) -> None:
    async def connected() -> None:
        await link.connected.wait()
        async with turn:
            await work()

    def waiting(error: BaseException) -> None:
        log.warning("%s later: %s", what, reason(error))

    retry = retrying(
        [NotConnectedError, DatabaseAwayError], first=_FIRST, longest=_LONGEST, waiting=waiting
    )
    while True:
        await retry(connected)
        await link.lost.wait()
