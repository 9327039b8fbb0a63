"""Where messages come from: one small interface, and its MQTT 5 form."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from hub.errors import SettingsError
from hub.mqtt.buffered import DUP, RETAIN, Buffered, BufferedClient
from hub.mqtt.errors import NotConnectedError

__all__ = ["Delivery", "Endpoint", "MqttSource", "Source"]

log = logging.getLogger(__name__)

_MARK = "dormouse"


@dataclass(slots=True, eq=False)
class Delivery:
    """One message as it came; `at` is when (UTC).

    `retained`: a retained message replayed at subscription, not news. `redelivered`: the broker
    may have delivered it before.
    """

    topic: str
    payload: bytes
    at: datetime
    retained: bool = False
    redelivered: bool = False
    tag: object = field(default=None, repr=False)


class Source(Protocol):
    """Delivers messages and is told when each may be forgotten."""

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Begin; `deliver` is called on the loop for every message."""

    async def stop(self) -> None:
        """End; what is not acknowledged will be delivered again."""

    def acknowledge(self, delivery: Delivery) -> None:
        """The message is safe with us (or refused for good); in any order."""

    async def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Send; returns when the broker has it. Raises NotConnectedError."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A broker's address and our account there."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """From `mqtt[s]://[user:password@]host[:port]`. Raises SettingsError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingsError(f"DORMOUSE_MQTT_URL={url!r}: not a URL") from None
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path.strip("/"):
            raise SettingsError(
                "DORMOUSE_MQTT_URL: must be mqtt://user:password@host:port (or mqtts://)"
            )
        tls = ssl.create_default_context() if parts.scheme == "mqtts" else None
        return cls(
            parts.hostname,
            port or (8883 if tls else 1883),
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            tls,
        )


def _user_property(name: str, value: str) -> bytes:
    """An MQTT 5 user property as it is sent."""
    texts = (text.encode() for text in (name, value))
    return b"\x26" + b"".join(len(text).to_bytes(2) + text for text in texts)


@dataclass(slots=True, eq=False)
class _Tag:
    """paho's message id, and whether we are done with the message."""

    mid: int
    done: bool = False


class MqttSource:
    """An MQTT 5 subscription driven by the asyncio loop.

    The session outlives a disconnect by `session_s` seconds: what the broker confirmed to a
    publisher meanwhile is delivered later. At most `in_flight` messages are unacknowledged; more
    wait in the broker. What is published carries `mark`, and what carries it is not delivered: a
    shared subscription has no other way to tell a hub's own messages from news.

    Acknowledgements leave in the order of arrival, as MQTT demands, so one that waits for its
    commit holds back those behind it.
    """

    # A LAN answers in ms; a broker that is slow to start in seconds.
    CONNECT_TIMEOUT = 5.0
    BACKOFF = (0.1, 10.0)
    KEEPALIVE = 30
    # Messages handled in one turn of the loop: some ms.
    AT_ONCE = 100

    def __init__(
        self,
        endpoint: Endpoint,
        filters: Sequence[str],
        *,
        client_id: str,
        session_s: int = 7 * 24 * 3600,
        in_flight: int = 2000,
        mark: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._mark = (_MARK, mark) if mark else None
        self._marked = _user_property(*self._mark) if self._mark else b""
        self._filters = filters
        self._client_id = client_id
        self._session_s = session_s
        self._in_flight = in_flight
        self._waiting: deque[_Tag] = deque()
        self._publishing: dict[int, asyncio.Future[None]] = {}
        self._client: paho.Client | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.connected = asyncio.Event()
        """Set while subscribed."""
        self.lost = asyncio.Event()
        """Set from the end of a connection to the next attempt."""

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Connect in the background, for ever; `deliver` is called on the loop."""
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._tasks = [asyncio.create_task(self._keep_connected())]

    async def stop(self) -> None:
        """Disconnect, keeping the session at the broker."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.connected.clear()
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()
            self._release(self._client)
        self._dropped()

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
        """Send; with QoS 1 returns when the broker has it. Raises NotConnectedError."""
        if self._client is None or not self.connected.is_set():
            raise NotConnectedError
        properties = None
        if self._mark is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.UserProperty = [self._mark]
        sent = self._client.publish(topic, payload, qos, retain, properties)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise NotConnectedError
        if qos:
            future = self._loop.create_future()
            self._publishing[sent.mid] = future
            await future

    def _make_client(self) -> BufferedClient:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        client.username = self._endpoint.user
        client.password = self._endpoint.password
        if self._endpoint.tls is not None:
            client.tls_set_context(self._endpoint.tls)
        client.connect_timeout = self.CONNECT_TIMEOUT
        client.suppress_exceptions = False
        client.on_socket_open = lambda _c, _u, sock: self._on_loop(self._watch, client, sock)
        client.on_socket_close = lambda _c, _u, sock: self._on_loop(self._unwatch, sock)
        client.on_socket_register_write = lambda _c, _u, sock: self._on_loop(
            self._loop.call_soon, self._write, client, sock
        )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_packet = self._on_packet
        client.on_publish = self._on_publish
        return client

    def _on_loop(self, call: Callable[..., Any], *args: Any) -> None:
        """Because connect() blocks it runs on a helper thread, and so do its callbacks."""
        if threading.get_ident() == self._thread:
            call(*args)
        else:
            self._loop.call_soon_threadsafe(call, *args)

    def _watch(self, client: paho.Client, sock: Buffered) -> None:
        self._loop.add_reader(sock, self._read, client, sock)

    def _unwatch(self, sock: Buffered) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _read(self, client: paho.Client, sock: Buffered) -> None:
        """Take what is there, but let others have their turn."""
        client.loop_read()
        for _ in range(self.AT_ONCE):
            if not sock.waits or client.socket() is None:
                return
            client.loop_read()
        self._loop.call_soon(self._read, client, sock)

    def _write(self, client: paho.Client, sock: Buffered) -> None:
        """What paho has to say since the last turn of the loop, in one write."""
        client.loop_write()
        if sock.fileno() >= 0:
            self._flush(sock)

    def _flush(self, sock: Buffered) -> None:
        try:
            done = sock.flush()
        except OSError:
            return  # the reader will hear of it
        if done:
            self._loop.remove_writer(sock)
        else:
            self._loop.add_writer(sock, self._flush, sock)

    async def _keep_connected(self) -> None:
        """A new client each time: what the old one still held is not sent late.

        A command that could not be sent was reported as failed; obeyed an hour later it would
        surprise.
        """
        shortest, longest = self.BACKOFF
        delay = shortest
        while True:
            self.lost.clear()
            self._client = client = self._make_client()
            try:
                await asyncio.to_thread(self._connect, client)
                async with asyncio.timeout(self.CONNECT_TIMEOUT):
                    await self._settled()
            except (OSError, ValueError) as error:
                log.warning("no connection to the broker: %s", error or "no answer")
            if self.connected.is_set():
                delay = shortest
                await self._stay(client)
            self._client = None
            self._release(client)
            self._dropped()
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  # not a secret
            delay = min(delay * 2, longest)

    def _connect(self, client: paho.Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
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

    async def _stay(self, client: paho.Client) -> None:
        """Until the connection is lost: keep-alive."""
        while not self.lost.is_set():
            client.loop_misc()
            # Not wait_for, which in Python 3.11 may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.lost.wait()

    def _release(self, client: paho.Client) -> None:
        """Close a client's socket without its saying goodbye (its will and session stay)."""
        client.on_disconnect = None
        sock: object = client.socket()
        if isinstance(sock, Buffered):
            self._unwatch(sock)
            sock.close()

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, reason: Any, _properties: object
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refuses us: %s", reason)
            self.lost.set()
            return
        # Our own messages are no news; a live message has no retain flag, a replayed one has; and
        # retained values come at every connect, since one may have changed while we were away.
        options = SubscribeOptions(
            qos=1,
            noLocal=not any(wanted.startswith("$share/") for wanted in self._filters),
            retainAsPublished=False,
            retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE,
        )
        client.subscribe([(wanted, options) for wanted in self._filters])

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, reasons: Any, _properties: object
    ) -> None:
        for wanted, reason in zip(self._filters, reasons, strict=False):
            if reason.is_failure:
                log.error("the broker refuses the subscription to %s: %s", wanted, reason)
                self.lost.set()
                return
        self.connected.set()

    def _on_disconnect(self, *_: object) -> None:
        self._on_loop(self._dropped)

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
        tag = None
        if mid:
            tag = _Tag(mid)
            self._waiting.append(tag)
        delivery = Delivery(
            # No broker should let invalid UTF-8 through; the parser refuses what replaces it.
            topic.decode(errors="replace"),
            payload,
            datetime.now(UTC),
            retained=bool(flags & RETAIN),
            redelivered=bool(flags & DUP),
            tag=tag,
        )
        if self._marked and self._marked in properties:
            self.acknowledge(delivery)  # ours, or another worker's of this hub: no news
        else:
            self._deliver(delivery)

    def _on_publish(
        self, _client: object, _data: object, mid: int, _reason: object, _properties: object
    ) -> None:
        future = self._publishing.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(None)
