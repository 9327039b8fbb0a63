"""One hub at a broker that somebody else runs: who uses it says so, and any other is refused.

MQTT has no locks. The hub that uses a broker leaves a retained message there that says which it is,
and a last will that takes it back. Whoever comes and finds one asks; one that nobody answers for is
of a hub that went down together with its broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import uuid
from datetime import UTC, datetime
from importlib import metadata

from contracts import topics
from hub.mqtt.connection import at_every_connection
from hub.mqtt.delivery import Delivery
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.errors import BrokerError, BrokerHeldError, BrokerTwiceError, NotConnectedError
from hub.mqtt.source import MqttSource
from hub.runtime.standby import Standby
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["BrokerClaim"]

log = logging.getLogger(__name__)


class BrokerClaim:
    """The claim of one hub on a broker, from `start` to `stop`.

    Whether it waits while another hub answers for its own, `standby` says, which is also told when
    another turns out to have been here first, after a time without the broker. Workers of one
    `cluster` claim their brokers together, each under the one name that all of them give it.
    """

    # s: how long a hub is waited for that has left a claim; a broker that does not answer.
    ANSWERS_WITHIN, CONNECTED_WITHIN = 2.0, 5.0

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        supervisor: Supervisor,
        standby: Standby | None = None,
        cluster: str = "",
    ) -> None:
        self._endpoint, self._supervisor = endpoint, supervisor
        self._standby = standby or Standby()
        self._mark = uuid.uuid4().hex[:8]
        self._said = {
            "mark": self._mark,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": metadata.version("dormouse-home"),
            "since": datetime.now(UTC).isoformat(),
            "cluster": cluster,
            "broker": endpoint.name,
        }
        self._source = self._connection("claim", will=(topics.HUB_CLAIM, ""))
        self._tasks = supervisor.tasks(PartRole.INTAKE)
        self._ours = self._waiting = False
        # Another's claim that is there, and what is set when it was said just now or taken back.
        self._other: BrokerHeldError | BrokerTwiceError | None = None
        self._answered, self._cleared = asyncio.Event(), asyncio.Event()
        self._first: asyncio.Future[None]

    async def start(self) -> None:
        """Claim the broker.

        Raises BrokerHeldError when another hub answers, StandbyEndedError when stopped meanwhile.

        A broker that cannot be reached is claimed when it can.
        """
        self._first = asyncio.get_running_loop().create_future()
        await self._source.start(self._deliver)
        if not await self._is_one_of_several():
            log.warning(
                "the broker lets an account connect once: a second hub at it cannot be refused"
            )
            await self._source.stop()
            return
        self._tasks.loop("claiming the broker", self._claim_each_time)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.CONNECTED_WITHIN + self.ANSWERS_WITHIN):
                await asyncio.shield(self._first)
        if self._waiting:
            await self._standby.until_stopped_or(asyncio.shield(self._first))

    async def stop(self) -> None:
        """Take the claim back."""
        await self._tasks.stop()
        self._first.cancel()
        if self._ours:
            with contextlib.suppress(NotConnectedError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._source.publish(topics.HUB_CLAIM, "", retain=True)
        await self._source.stop()

    def _connection(self, what: str, will: tuple[str, str] | None = None) -> MqttSource:
        return MqttSource(
            self._endpoint,
            [topics.HUB_CLAIM, topics.HUB_CLAIM_ASKED],
            client_id=f"dormouse-{what}-{self._mark}",
            session_s=0,
            will=will,
            supervisor=self._supervisor,
        )

    async def _is_one_of_several(self) -> bool:
        """Whether the account may connect twice; True where the broker does not answer yet.

        Where the user's name is the client id (mosquitto's use_username_as_clientid) each
        connection ends the one before, and ours would end the hub's own.
        """
        second = self._connection("second")
        try:
            async with asyncio.timeout(self.CONNECTED_WITHIN):
                await self._source.connected.wait()
                await second.start(self._source.acknowledge)
                await second.connected.wait()
                await self._source.publish(topics.HUB_CLAIM_ASKED, self._mark)
        except TimeoutError:
            return True
        except NotConnectedError:
            return False
        finally:
            await second.stop()
        return True

    async def _claim_each_time(self) -> None:
        await at_every_connection(self._source, "the broker is claimed", self._claim)

    async def _claim(self) -> None:
        self._ours = False
        # What is retained comes before the broker's answer to this; a claim from before a
        # connection was lost nobody answers for if it was taken back meanwhile.
        await self._ask()
        while (held := await self._answering()) is not None:
            # Nobody waits for a list to become another.
            if isinstance(held, BrokerTwiceError) or not self._standby.wanted or self._first.done():
                self._refuse(held)
                return
            log.info("standing by: %s uses this broker", held.who)
            self._waiting = True
            await self._cleared.wait()
        self._ours = True
        await self._say()
        if not self._first.done():
            self._first.set_result(None)

    async def _ask(self) -> None:
        self._answered.clear()
        self._cleared.clear()
        await self._source.publish(topics.HUB_CLAIM_ASKED, self._mark)

    async def _answering(self) -> BrokerHeldError | BrokerTwiceError | None:
        """Who left the claim, where it is there; one that takes it back is not."""
        if self._other is None:
            return None
        await self._ask()
        events = [asyncio.create_task(one.wait()) for one in (self._answered, self._cleared)]
        try:
            await asyncio.wait(
                events, timeout=self.ANSWERS_WITHIN, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for event in events:
                event.cancel()
        return self._other if self._answered.is_set() else None

    def _refuse(self, held: BrokerError) -> None:
        if self._first.done():
            self._standby.lost(held)
        else:
            self._first.set_exception(held)

    async def _say(self) -> None:
        await self._source.publish(topics.HUB_CLAIM, json.dumps(self._said), retain=True)

    def _deliver(self, delivery: Delivery) -> None:
        self._source.acknowledge(delivery)
        if delivery.topic == topics.HUB_CLAIM_ASKED:
            if self._ours:
                self._tasks.spawn("answering for the broker's claim", self._say_again())
            return
        other = _other(delivery.payload)
        if other is None:
            self._other = None
            self._cleared.set()
            if self._ours:
                # Another's last will took ours with it.
                self._tasks.spawn("answering for the broker's claim", self._say_again())
            return
        mark, since, held = other
        error: BrokerHeldError | BrokerTwiceError = held
        if self._said["cluster"] and held.cluster == self._said["cluster"]:
            if held.broker == self._said["broker"]:
                return
            # A worker of this cluster is here by another name: the one that came first stays.
            error = BrokerTwiceError(str(held.broker), str(self._said["broker"]))
        self._other = error
        if delivery.retained:
            return
        self._answered.set()
        if self._ours and (since, mark) < (str(self._said["since"]), self._mark):
            # Both came at once; the earlier one stays.
            self._ours = False
            self._refuse(error)
        elif self._ours:
            self._tasks.spawn("answering for the broker's claim", self._say_again())

    async def _say_again(self) -> None:
        with contextlib.suppress(NotConnectedError):
            await self._say()


def _other(payload: bytes) -> tuple[str, str, BrokerHeldError] | None:
    """Another's claim: its mark, since when, and what is said of it; None for none."""
    try:
        said = json.loads(payload)
        mark, since = str(said["mark"])[:64], str(said["since"])[:64]
        named = {name: str(said[name])[:64] for name in ("host", "pid", "version")}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    held = BrokerHeldError(**named, since=f"{since[:16].replace('T', ' ')} UTC")
    # Hubs of before say neither.
    held.cluster, held.broker = (
        str(said.get("cluster", ""))[:200],
        str(said.get("broker", ""))[:300],
    )
    return mark, since, held
