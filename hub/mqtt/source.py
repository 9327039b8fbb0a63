"""Where messages come from: an MQTT 5 subscription."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from contracts import topics
from hub.errors import HubError
from hub.mqtt.backlog import Backlog
from hub.mqtt.buffered import DUP, RETAIN, BufferedClient, UserProperty
from hub.mqtt.delivery import Delivery
from hub.mqtt.driven import ChildDriver
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.errors import NotConnectedError, PublishRefusedError
from hub.runtime.backoff import Backoff
from hub.runtime.host_clock import HostClock
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import until_tick

__all__ = ["MqttSource"]

log = logging.getLogger(__name__)

_MARK = "dormouse"
_KEEP_ALIVE_TIMEOUT = 141  # MQTT 5's reason code; paho gives it where nothing was heard for so long


@dataclass(slots=True, eq=False)
class _Tag:
    """paho's message id, and whether we are done with the message."""

    mid: int
    done: bool = False


class MqttSource:
    """A Source (hub/mqtt/delivery.py): an MQTT 5 subscription driven by the asyncio loop.

    The session outlives a disconnect by `session_s` seconds: what the broker confirmed to a
    publisher meanwhile is delivered later. At most `in_flight` messages are unacknowledged; more
    wait in the broker (mosquitto 2.0.11 keeps to it until the first acknowledgement, and then sends
    all that waits: who takes them bounds what it holds). What is published carries `mark`, and what
    carries it is not delivered: a shared subscription has no other way to tell a hub's own messages
    from news. `will` is the topic and payload that the broker retains when we are gone without a
    word.

    `endpoint` is asked for at each connection where it is a function: our own broker's port is
    known once that runs. `strict`: what the broker may not take of us is told, not passed over.

    Acknowledgements leave in the order of arrival, as MQTT demands, so one that waits for its
    commit holds back those behind it.
    """

    # A LAN answers in ms; a broker that is slow to start in seconds.
    CONNECT_TIMEOUT = 5.0
    # s: first and longest pause before the next attempt, and how long a connection must have
    # lasted for the first one to count anew.
    BACKOFF = (0.1, 10.0, 2.0)
    KEEPALIVE = 30
    # Of QoS 1, not confirmed yet. With paho's 20 a busy broker, which answers in turn, is awaited
    # a hundred times until 2,000 devices have their `$ack`.
    MOST_SENT = 500

    def __init__(
        self,
        endpoint: Endpoint | Callable[[], Endpoint],
        filters: Sequence[str],
        *,
        client_id: str,
        session_s: int = 7 * 24 * 3600,
        in_flight: int = 2000,
        mark: str | None = None,
        clock: HostClock | None = None,
        will: tuple[str, str] | None = None,
        strict: bool = False,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._clock = clock or HostClock()
        self._endpoint_now = endpoint if callable(endpoint) else lambda: endpoint
        self._strict = strict
        self._mark, self._will = UserProperty(_MARK, mark) if mark else None, will
        self._filters = list(filters)
        # What each SUBSCRIBE under way asked for, by its message id.
        self._subscribing: dict[int, list[str]] = {}
        self._client_id = client_id
        self._mark_topic = topics.caught_up(client_id)
        self.backlog = Backlog()
        self._session_s = session_s
        self._in_flight = in_flight
        self._waiting: deque[_Tag] = deque()
        self._publishing: dict[int, asyncio.Future[None]] = {}
        self._client: BufferedClient | None = None
        self._draining = False
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self.connected = asyncio.Event()
        """Set while subscribed."""
        self.lost = asyncio.Event()
        """Set from the end of a connection to the next attempt."""

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Connect in the background, for ever; `deliver` is called on the loop."""
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._driver = ChildDriver()
        self._tasks.loop("connecting to the broker", self._keep_connected)

    async def stop(self) -> None:
        """Disconnect, keeping the session at the broker."""
        await self._tasks.stop()
        self.connected.clear()
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()
            self._driver.release(self._client)
            self._client = None
        self._dropped()

    async def drain(self, within_s: float) -> bool:
        """Take nothing more; whether all that was taken is acknowledged within so many seconds.

        What comes meanwhile is not delivered: the broker keeps it for the session's next user.
        """
        self._draining = True
        until = self._loop.time() + within_s
        while self._waiting and self._loop.time() < until:  # noqa: ASYNC110  # of many, for ms
            await asyncio.sleep(0.01)
        return not self._waiting

    def acknowledge(self, delivery: Delivery) -> None:
        """Let the broker forget a message; one from before a reconnect comes again anyway."""
        tag = delivery.tag
        if not isinstance(tag, _Tag):
            return  # QoS 0
        tag.done = True
        while self._client is not None and self._waiting and self._waiting[0].done:
            self._client.ack(self._waiting.popleft().mid, 1)

    async def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Send; with QoS 1 returns when the broker has it.

        Raises NotConnectedError, and PublishRefusedError where it is `strict`.
        """
        if self._client is None or not self.connected.is_set():
            raise NotConnectedError
        sent = self._client.publish(topic, payload, qos, retain, self._mark)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise NotConnectedError
        if qos:
            future = self._loop.create_future()
            self._publishing[sent.mid] = future
            await future

    def follow(self, filters: Sequence[str]) -> None:
        """Be subscribed to these from now on, instead of those before."""
        obsolete = [topic_filter for topic_filter in self._filters if topic_filter not in filters]
        new = [topic_filter for topic_filter in filters if topic_filter not in self._filters]
        self._filters = list(filters)
        if self._client is not None and self.connected.is_set():
            if obsolete:
                self._client.unsubscribe(obsolete)
            if new:
                self._subscribe(self._client, new)

    def replay(self, topic_filter: str) -> None:
        """Have the retained messages of a filter delivered once more."""
        if self._client is not None and self.connected.is_set():
            self._subscribe(self._client, [topic_filter])
            if topic_filter not in self._filters:
                self._client.unsubscribe(topic_filter)

    def _make_client(self) -> BufferedClient:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        self._equip(client)
        return client

    def _equip(self, client: BufferedClient) -> None:
        """Give a client the next endpoint's account, and let it call us."""
        endpoint = self._endpoint = self._endpoint_now()
        client.username = endpoint.user
        client.password = endpoint.password
        if endpoint.tls is not None:
            client.tls_set_context(endpoint.tls)
        if self._will is not None:
            client.will_set(*self._will, qos=1, retain=True)
        client.connect_timeout = self.CONNECT_TIMEOUT
        client.suppress_exceptions = False
        self._driver.drive(client)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_packet = self._on_packet
        client.on_publish = self._on_publish

    async def _keep_connected(self) -> None:
        """A new client each time: what the old one still held is not sent late.

        A command that could not be sent was reported as failed; obeyed an hour later it would
        surprise.
        """
        backoff = Backoff(*self.BACKOFF)
        while True:
            self._abandon()  # where something unforeseen has ended the one before
            self.lost.clear()
            client: paho.Client | None = None
            try:
                self._client = client = self._make_client()
                await asyncio.to_thread(self._connect, client)
                async with asyncio.timeout(self.CONNECT_TIMEOUT):
                    await self._settled()
            except (OSError, ValueError, HubError) as error:
                log.warning("no connection to the broker: %s", error or "no answer")
            lasted = 0.0
            if client is not None and self.connected.is_set():
                began = self._loop.time()
                await self._keep_alive(client)
                lasted = self._loop.time() - began
            self._abandon()
            await asyncio.sleep(backoff.after(lasted) * random.uniform(0.5, 1))  # noqa: S311  # not a secret

    def _abandon(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            self._driver.release(client)
            self._dropped()

    def _connect(self, client: paho.Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho
        properties.SessionExpiryInterval = self._session_s
        properties.ReceiveMaximum = self._in_flight
        client.connect(
            self._endpoint.host,
            self._endpoint.port,
            self.KEEPALIVE,
            clean_start=self._session_s == 0,
            properties=properties,
        )

    async def _settled(self) -> None:
        """Until subscribed or disconnected."""
        waits = [asyncio.create_task(event.wait()) for event in (self.connected, self.lost)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _keep_alive(self, client: paho.Client) -> None:
        """Until the connection is lost: keep-alive."""
        while not self.lost.is_set():
            self.backlog.alive()
            self._send_mark()
            client.loop_misc()
            # Not wait_for, which in Python 3.11 may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until_tick(1, self._loop.time())):
                    await self.lost.wait()

    def _on_connect(
        self, client: paho.Client, _data: object, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refuses us: %s", reason)
            self.lost.set()
            return
        # What the broker takes at once (MQTT 5, 3.2.2.3.3): 65535 where it does not say.
        most = getattr(properties, "ReceiveMaximum", self.MOST_SENT)
        if isinstance(client, BufferedClient):
            client.allow_in_flight(min(most, self.MOST_SENT))
        self._subscribing.clear()
        self.backlog.resumed(session=flags.session_present)
        self._subscribe(client, self._filters)
        if flags.session_present:
            # Without noLocal: it is for what we send to ourselves.
            client.subscribe(self._mark_topic, options=SubscribeOptions(qos=1))

    def _subscribe(self, client: paho.Client, filters: Sequence[str]) -> None:
        # Our own messages are no news; a live message has no retain flag, a replayed one has; and
        # retained values come at every connect, since one may have changed while we were away.
        options = SubscribeOptions(
            qos=1,
            noLocal=not any(topic_filter.startswith("$share/") for topic_filter in filters),
            retainAsPublished=False,
            retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE,
        )
        _, mid = client.subscribe([(topic_filter, options) for topic_filter in filters])
        if mid is not None:
            self._subscribing[mid] = list(filters)

    def _on_subscribe(
        self, _client: object, _data: object, mid: int, reasons: Any, _properties: object
    ) -> None:
        for topic_filter, reason in zip(self._subscribing.pop(mid, ()), reasons, strict=False):
            if reason.is_failure:
                log.error("the broker refuses the subscription to %s: %s", topic_filter, reason)
                self.lost.set()
                return
        self.connected.set()

    def _send_mark(self) -> None:
        """Send ourselves what comes back behind everything that waited."""
        if self._client is not None and self.backlog.mark_due():
            self._client.publish(self._mark_topic, b"", 1, properties=self._mark)

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, reason: Any, _properties: object
    ) -> None:
        # Cut off without a word it was for as long as its keep-alive allows.
        silent = 1.5 * self.KEEPALIVE if reason.value == _KEEP_ALIVE_TIMEOUT else 0.0
        self.backlog.lost(silent)
        self._driver.on_loop(self._dropped)

    def _dropped(self) -> None:
        if self.connected.is_set():
            log.warning("lost the connection to the broker")
        self.connected.clear()
        self._waiting.clear()
        for future in self._publishing.values():
            if not future.done():
                future.set_exception(NotConnectedError())
        self._publishing.clear()
        self.lost.set()

    def _on_packet(
        self, topic: bytes, payload: bytes, properties: bytes, mid: int, flags: int
    ) -> None:
        if self._draining:
            return
        waited = self.backlog.waited
        tag = None
        if mid:
            tag = _Tag(mid)
            self._waiting.append(tag)
        delivery = Delivery(
            # No broker should let invalid UTF-8 through; the parser refuses what replaces it.
            topic.decode(errors="replace"),
            payload,
            self._clock.now(),
            retained=bool(flags & RETAIN),
            redelivered=bool(flags & DUP),
            tag=tag,
            clock=self._clock.reference,
            waited=waited,
            properties=len(properties),
        )
        if delivery.topic == self._mark_topic:
            self.backlog.caught_up()
            self.acknowledge(delivery)
        elif self._mark is not None and self._mark.sent in properties:
            self.acknowledge(delivery)  # ours, or another worker's of this hub: no news
        else:
            self._deliver(delivery)

    def _on_publish(
        self, _client: object, _data: object, mid: int, reason: Any, _properties: object
    ) -> None:
        future = self._publishing.pop(mid, None)
        if future is None or future.done():
            return
        if self._strict and reason is not None and reason.is_failure:
            future.set_exception(PublishRefusedError(str(reason)))
        else:
            future.set_result(None)
