"""A Source over a NATS cluster: what devices say from JetStream, what is said to them by MQTT."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hub.errors import HubError
from hub.mqtt.backlog import Backlog
from hub.mqtt.delivery import Delivery
from hub.nats.client import client_library
from hub.nats.cluster import NatsCluster
from hub.nats.errors import NatsRefusedError
from hub.nats.gateway import NatsGateway
from hub.nats.pulls import ACK_S, STREAM, PartitionPulls, ask
from hub.nats.same_cluster import refuse_two_clusters
from hub.nats.subjects import is_for_devices, subject_of, topic_of
from hub.runtime.backoff import Backoff
from hub.runtime.host_clock import HostClock
from hub.runtime.supervisor import PartRole, Supervisor
from hub.settings import Settings

__all__ = ["NatsSource", "nats_source"]

log = logging.getLogger(__name__)

_REMEMBERED = 20_000  # numbers of messages: those that were acknowledged last


@dataclass(slots=True, eq=False)
class _Tag:
    """A message of the stream: its number, and where its acknowledgement goes."""

    number: int
    reply: str


class NatsSource:
    """A Source (hub/mqtt/delivery.py) over a cluster of three servers or one.

    A stream with as many replicas as there are servers (three at most) takes what devices say; its
    subjects are mapped to partitions by the second level, which is the device. A message is
    acknowledged when it is safe; what comes again is known by its number in the stream and not
    delivered again, as long as this process lives. What is published goes out by the gateway.
    """

    PARTITIONS = 8
    BACKOFF = (0.1, 10.0, 2.0)

    def __init__(
        self,
        cluster: NatsCluster,
        filters: Sequence[str],
        *,
        client_id: str,
        clock: HostClock | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._cluster, self._filters = cluster, list(filters)
        self._clock = clock or HostClock()
        supervisor = supervisor or Supervisor()
        self._gateway = NatsGateway(
            cluster.gateways, filters, client_id=client_id, supervisor=supervisor
        )
        self._tasks = supervisor.tasks(PartRole.INTAKE)
        self._connection: Any = None
        self._waiting: dict[int, _Tag] = {}
        self._done: OrderedDict[int, None] = OrderedDict()
        self._acks: deque[str] = deque()
        # What we say comes back, and in MQTT 3.1.1 nothing tells it from news.
        self._echoes: deque[tuple[str, bytes]] = deque(maxlen=200)
        self._to_acknowledge = asyncio.Event()
        self.backlog = Backlog()
        self._reading, self._cut_off = asyncio.Event(), asyncio.Event()
        self.connected, self.lost = asyncio.Event(), asyncio.Event()

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """Connect in the background, for ever; `deliver` is called on the loop.

        Raises SettingsError for servers of two clusters.
        """
        await refuse_two_clusters(self._cluster)
        self._deliver = deliver
        await self._gateway.start(deliver)
        self._tasks.loop("reading from NATS", self._keep_connected)
        self._tasks.loop("watching NATS", self._keep_told)

    async def stop(self) -> None:
        """Disconnect; what is not acknowledged comes again."""
        await self._tasks.stop()
        await self._gateway.stop()
        self.connected.clear()
        self.lost.set()

    def acknowledge(self, delivery: Delivery) -> None:
        """Let the stream forget a message."""
        tag = delivery.tag
        if isinstance(tag, _Tag) and self._waiting.pop(tag.number, None) is not None:
            self._done[tag.number] = None
            if len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
            self._say(tag.reply)

    async def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Send by the gateway. Raises NotConnectedError."""
        if not is_for_devices(topic):
            data = payload.encode() if isinstance(payload, str) else payload
            self._echoes.append((topic, data))
        await self._gateway.publish(topic, payload, qos=qos, retain=retain)

    def follow(self, filters: Sequence[str]) -> None:
        """Have the stream take these from now on."""
        changed = set(filters) != set(self._filters)
        self._filters = list(filters)
        self._gateway.follow(filters)
        if changed and self._connection is not None:
            self._tasks.spawn("changing NATS' stream", self._declare_stream(self._connection))

    def replay(self, topic_filter: str) -> None:
        """Have the retained messages of a filter delivered once more."""
        self._gateway.replay(topic_filter)

    async def _keep_connected(self) -> None:
        backoff, loop = Backoff(*self.BACKOFF), asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._connected()
            except (OSError, TimeoutError, HubError) as error:
                log.warning("no connection to NATS: %s", error or "no answer")
            self._lost()
            await asyncio.sleep(backoff.after(loop.time() - began))

    async def _connected(self) -> None:
        """Connect, and read until something fails."""
        nats, cluster = client_library(), self._cluster
        ended = asyncio.Event()

        async def on_lost() -> None:
            self.backlog.lost()
            self._lost()

        async def on_back() -> None:
            self._back()

        async def on_closed() -> None:
            ended.set()

        async def on_error(error: Exception) -> None:
            log.info("NATS: %s", error)

        try:
            connection = await nats.connect(
                list(cluster.servers),
                user=cluster.user,
                password=cluster.password,
                name="dormouse hub",
                connect_timeout=3,
                reconnect_time_wait=0.2,
                max_reconnect_attempts=20,
                ping_interval=3,
                max_outstanding_pings=2,
                disconnected_cb=on_lost,
                reconnected_cb=on_back,
                closed_cb=on_closed,
                error_cb=on_error,
            )
        except nats.errors.Error as error:
            raise NatsRefusedError(str(error) or type(error).__name__) from None
        self._connection = connection
        try:
            await self._read(connection, ended)
        except nats.errors.Error as error:
            raise NatsRefusedError(str(error) or type(error).__name__) from None
        finally:
            self._connection = None
            with contextlib.suppress(nats.errors.Error, OSError):
                await connection.close()

    async def _read(self, connection: Any, ended: asyncio.Event) -> None:
        """Pull from every partition, and acknowledge, until the connection is closed for good."""
        replicas = await self._declare_stream(connection)
        pulls = [
            PartitionPulls(connection, f"partition-{number}", f"{STREAM}.{number}.>", self._take)
            for number in range(self.PARTITIONS)
        ]
        pulls.append(PartitionPulls(connection, "short", "*.*", self._take))
        for one in pulls:
            await one.declare(replicas)
        self._back()
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one.go_on()) for one in pulls]
                tasks.append(group.create_task(self._keep_acknowledging(connection)))
                tasks.append(group.create_task(self._keep_alive(connection)))
                await ended.wait()
                for task in tasks:
                    task.cancel()
        except* (OSError, TimeoutError, HubError, client_library().errors.Error) as failed:
            failure = failed.exceptions[0]
        finally:
            with contextlib.suppress(Exception):
                await asyncio.gather(*(one.hand_over() for one in pulls))
        if failure is not None:
            raise NatsRefusedError(str(failure) or type(failure).__name__)

    def _back(self) -> None:
        self.backlog.resumed(session=True)
        self._cut_off.clear()
        self._reading.set()

    def _lost(self) -> None:
        self._reading.clear()
        self._cut_off.set()

    async def _keep_told(self) -> None:
        """`connected` is for both ways: who waits for it has something to say."""
        while True:
            await self._reading.wait()
            await self._gateway.connected.wait()
            if not self._reading.is_set():
                continue
            self.lost.clear()
            self.connected.set()
            ends = [
                asyncio.ensure_future(one.wait()) for one in (self._cut_off, self._gateway.lost)
            ]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in ends:
                    one.cancel()
            self.connected.clear()
            self.lost.set()

    async def _declare_stream(self, connection: Any) -> int:
        """Make the stream or change it to what is wanted; its number of replicas."""
        replicas = min(3, len(self._cluster.servers))
        config = {
            "name": STREAM,
            "subjects": sorted({_of_device(subject_of(one)) for one in self._filters}),
            # What the hub has stored is gone from it.
            "retention": "workqueue",
            "storage": "file",
            "num_replicas": replicas,
            # The second level is the device; what has no third (enrolments) stays as it is.
            "subject_transform": {
                "src": "*.*.>",
                "dest": f"{STREAM}.{{{{partition({self.PARTITIONS},2)}}}}."
                "{{wildcard(1)}}.{{wildcard(2)}}.>",
            },
        }
        try:
            said = await ask(connection, f"STREAM.CREATE.{STREAM}", config)
        except NatsRefusedError:
            said = await ask(connection, f"STREAM.UPDATE.{STREAM}", config)
        if "subject_transform" not in said["config"]:
            raise NatsRefusedError(
                "takes nats-server 2.11 or newer, which maps a stream's subjects"
            )
        return replicas

    def _take(self, message: Any) -> None:
        about = message.metadata
        number = about.sequence.stream
        self.backlog.alive()
        if number in self._done:
            self._say(message.reply)  # stored; what was said of that was lost on its way
            return
        known = self._waiting.get(number)
        if known is not None:
            known.reply = message.reply  # being stored
            return
        topic = topic_of(message.subject.removeprefix(f"{STREAM}."))
        if message.subject.startswith(f"{STREAM}."):
            topic = topic.partition("/")[2]
        if is_for_devices(topic) or self._is_echo(topic, message.data):
            self._say(message.reply)
            return
        waited = self.backlog.waited
        if not about.num_pending:
            self.backlog.caught_up()
        tag = self._waiting[number] = _Tag(number, message.reply)
        self._deliver(
            Delivery(
                topic,
                message.data,
                self._clock.now(),
                redelivered=about.num_delivered > 1,
                tag=tag,
                clock=self._clock.reference,
                waited=waited,
            )
        )

    def _is_echo(self, topic: str, payload: bytes) -> bool:
        """Whether this is what was published last on a device's own topic: it is told once."""
        try:
            self._echoes.remove((topic, payload))
        except ValueError:
            return False
        return True

    def _say(self, reply: str) -> None:
        self._acks.append(reply)
        self._to_acknowledge.set()

    async def _keep_acknowledging(self, connection: Any) -> None:
        while True:
            await self._to_acknowledge.wait()
            self._to_acknowledge.clear()
            while self._acks:
                await connection.publish(self._acks[0], b"+ACK")
                self._acks.popleft()

    async def _keep_alive(self, connection: Any) -> None:
        """Ask for time for what is not stored yet: the database may be away."""
        while True:
            await asyncio.sleep(ACK_S / 3)
            for tag in list(self._waiting.values()):
                await connection.publish(tag.reply, b"+WPI")


def _of_device(subject: str) -> str:
    """A subject with a token for the device: a stream takes no two that overlap."""
    return "HomeKit.*.>" if subject == "HomeKit.>" else subject


def nats_source(
    settings: Settings, clock: HostClock, supervisor: Supervisor
) -> Callable[[Sequence[str]], NatsSource] | None:
    """What makes a source, of its filters, where the settings name a cluster. SettingsError."""
    if not settings.nats_url:
        return None
    return partial(
        NatsSource,
        NatsCluster.of(settings.nats_url, settings.nats_gateway),
        client_id=f"dormouse-{settings.tenant}",
        clock=clock,
        supervisor=supervisor,
    )
