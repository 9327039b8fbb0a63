"""One partition's durable consumer: pulled from by one hub at a time, which the server sees to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from hub.nats.errors import NatsRefusedError

__all__ = ["GROUP", "STREAM", "PartitionPulls", "ask"]

STREAM = "dormouse"
GROUP = "hub"
"""Priority group: of those who pull for it the server pins one, who alone gets messages."""
PIN_S = 2.0
"""After so long without a pull of the pinned one the server pins another."""
_PULL_S = 0.7
_BATCH = 100
# Unacknowledged ones of a partition; what is not acknowledged within ACK_S comes again.
MOST_UNACKNOWLEDGED = 500
ACK_S = 30
_PINNED_ELSEWHERE = "423"
_ENDED, _NONE_THERE, _ALIVE = "408", "404", "100"
_PAUSE_S = 0.1
"""Before the next pull where the server refuses one, at once: nobody leads the consumer now."""
_NS = 1_000_000_000


async def ask(connection: Any, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """A question to JetStream. Raises NatsRefusedError with its words."""
    answer = await connection.request(f"$JS.API.{what}", json.dumps(body).encode(), timeout=5)
    said: dict[str, Any] = json.loads(answer.data)
    if "error" in said:
        raise NatsRefusedError(f"{what}: {said['error'].get('description', said['error'])}")
    return said


class PartitionPulls:
    """Pulls of the subjects of one partition; messages (the library's) go to `take`, in order."""

    def __init__(
        self, connection: Any, name: str, subjects: str, take: Callable[[Any], None]
    ) -> None:
        self._connection, self._take = connection, take
        self._name, self._subjects = name, subjects
        self._pin = ""

    async def declare(self, replicas: int) -> None:
        """Make the durable consumer, where it is not there. Raises NatsRefusedError."""
        config = {
            "name": self._name,
            "durable_name": self._name,
            "ack_policy": "explicit",
            "ack_wait": ACK_S * _NS,
            "max_ack_pending": MOST_UNACKNOWLEDGED,
            "filter_subject": self._subjects,
            "priority_groups": [GROUP],
            "priority_policy": "pinned_client",
            "priority_timeout": int(PIN_S * _NS),
            "num_replicas": replicas,
        }
        body = {"stream_name": STREAM, "config": config}
        said = await ask(self._connection, f"CONSUMER.CREATE.{STREAM}.{self._name}", body)
        if said["config"].get("priority_policy") != "pinned_client":
            raise NatsRefusedError("takes nats-server 2.11 or newer, which pins one consumer")

    async def go_on(self) -> None:
        """Pull for ever; an answer that does not come, for a server died, is asked for again."""
        inbox = self._connection.new_inbox()
        subscription = await self._connection.subscribe(inbox, pending_msgs_limit=-1)
        try:
            while True:
                await self._pull(inbox)
                await self._until_answered(subscription)
        finally:
            await subscription.unsubscribe()

    async def hand_over(self) -> None:
        """Let another be pinned at once."""
        if self._pin:
            await ask(self._connection, f"CONSUMER.UNPIN.{STREAM}.{self._name}", {"group": GROUP})

    async def _pull(self, inbox: str) -> None:
        wanted = {"batch": _BATCH, "expires": int(_PULL_S * _NS), "group": GROUP}
        if self._pin:
            wanted["id"] = self._pin
        await self._connection.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self._name}",
            json.dumps(wanted).encode(),
            reply=inbox,
        )

    async def _until_answered(self, subscription: Any) -> None:
        """Until the pull is over: all came that was asked for, or the server says why not."""
        for _ in range(_BATCH):
            try:
                async with asyncio.timeout(_PULL_S + 2):
                    message = await subscription.next_msg(timeout=None)
            except TimeoutError:
                return
            headers = message.headers or {}
            if message.reply:
                self._pin = headers.get("Nats-Pin-Id", self._pin)
                self._take(message)
                continue
            status = headers.get("Status")
            if status == _PINNED_ELSEWHERE:
                self._pin = ""
            elif status not in {_ENDED, _NONE_THERE, _ALIVE}:
                await asyncio.sleep(_PAUSE_S)
            if status != _ALIVE:
                return
