"""All rollouts of a hub: one worker each, fed with what devices say."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from contracts import topics
from contracts.messages import OtaState, Report
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.mqtt.connection import at_every_connection
from hub.mqtt.delivery import Delivery
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.own_devices import IsOthers, PublishMessage, nobody_elses, to_own_devices
from hub.rollouts.model import DeviceState, ReportSample
from hub.rollouts.parts import DeviceSettingsLike, Slots, WorkerParts
from hub.rollouts.repository import RolloutRepository, RolloutSnapshot
from hub.rollouts.work import REPORTS_BEFORE, Answered, Reported
from hub.rollouts.worker import Worker
from hub.runtime.broadcast import Channel, Subscription
from hub.runtime.problems import Problems
from hub.runtime.retry import reason, retrying
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["BrokerLink", "ImageStreams", "RolloutChange", "Runner"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_CHANGES = 100  # that a slow onlooker may be behind
_BACK_OFF = (1.0, 10.0)  # s: first and longest pause while the database is away


class BrokerLink(Protocol):
    """What is needed of the broker's side (MqttSource)."""

    connected: asyncio.Event
    lost: asyncio.Event

    async def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Returns when the broker has it. Raises NotConnectedError."""


class ImageStreams(Protocol):
    """What is needed of hub.rollouts.streams.Streams."""

    limit: int

    def assume_in_ota_server(self, *devices: str) -> None:
        """These may be in an OTA server."""

    def seen_running(self, *devices: str) -> None:
        """These are in no OTA server."""

    async def send(
        self, device: str, address: str | None, canned: bytes, progress: Callable[[Any], None], /
    ) -> object:
        """Stream an image. Raises HubError with a `reason`."""


RolloutChange = tuple[str, int]
"""A tenant and the number of a rollout of which something changed."""


class Runner:
    """Carries out the rollouts of all tenants.

    `configs` and `load` (an image's canned file) are of a tenant; `tenant_of` says whose a device
    is, and another's (`is_others`) is told nothing. `report` and `answer` are handlers for
    Listener.on: a message is acknowledged when what it means is committed.
    """

    MEND_S = 10.0

    def __init__(
        self,
        store: Database,
        link: BrokerLink,
        streams: ImageStreams,
        *,
        tenant_of: Callable[[str], str],
        configs: Callable[[str], DeviceSettingsLike],
        load: Callable[[str, int], Awaitable[bytes]],
        problems: Problems,
        is_others: IsOthers = nobody_elses,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store = store
        self._link = link
        self._streams = streams
        self._tenant_of, self._is_others = tenant_of, is_others
        self._configs = configs
        self._load = load
        self._problems = problems
        self._clock = now
        self._slots = Slots(streams.limit)
        self._workers: dict[tuple[str, int], Worker] = {}
        self._by_device: dict[tuple[str, str], list[Worker]] = {}
        self._recent: dict[tuple[str, str], deque[ReportSample]] = {}
        self._changes = Channel[RolloutChange](_CHANGES)
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self.ready = asyncio.Event()
        """Set once what was open before was taken up again."""

    async def start(self) -> None:
        """Take up what was open, in the background: the database may be away."""
        self._tasks.loop("taking up rollouts", self._take_up)
        self._tasks.loop("publishing rollouts' commands", self._keep_published)

    async def stop(self) -> None:
        """Stop everywhere; the next start goes on."""
        await self._tasks.stop()
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))
        self._workers.clear()

    def repository(self, tenant: str) -> RolloutRepository:
        """The rollouts of a tenant as they are kept."""
        return RolloutRepository(self._store.of(tenant))

    def now(self) -> datetime:
        """The runner's clock."""
        return self._clock()

    def worker(self, tenant: str, number: int) -> Worker | None:
        """The worker of a rollout that is going on."""
        return self._workers.get((tenant, number))

    def last_report(self, tenant: str, device: str) -> ReportSample | None:
        """The last report of a device that is in a rollout, as far as it was heard."""
        recent = self._recent.get((tenant, device))
        return recent[-1] if recent else None

    def begin(self, tenant: str, kept: RolloutSnapshot) -> Worker:
        """Carry out a rollout that is kept and not over."""
        number = kept.rollout.id
        worker = Worker(kept, self._parts(tenant))
        self._workers[tenant, number] = worker
        for name, device in kept.devices.items():
            self._by_device.setdefault((tenant, name), []).append(worker)
            self._recent.setdefault((tenant, name), deque(device.before, REPORTS_BEFORE))
            if device.state is DeviceState.UPDATING or device.stranded:
                self._streams.assume_in_ota_server(name)
        worker.start()
        self._tasks.spawn("the end of a rollout", self._end_of(tenant, worker))
        self._changed(tenant, number)
        return worker

    async def enrolled(self, tenant: str, device: str) -> None:
        """It has a new account: no command that was another tenant's; for AccountBook.on_added."""
        if (tenant, device) not in self._by_device:
            with suppress(NotConnectedError):  # then nobody can read it yet
                await self._link.publish(topics.ota(device), "", retain=True)

    async def replaced(self, tenant: str, old: str, _new: str) -> None:
        """A device's row was given to a successor: what was going on with it is read again."""
        for worker in self._by_device.get((tenant, old), [])[:]:
            await worker.stop()
            await self._end_of(tenant, worker)
            self.begin(tenant, await self.repository(tenant).load(worker.rollout.id))

    async def report(self, report: Report, delivery: Delivery) -> None:
        """A device's report."""
        if delivery.retained:
            return
        device = report.device
        self._streams.seen_running(device)
        key = self._tenant_of(device), device
        workers = self._by_device.get(key)
        if not workers:
            return
        sample = ReportSample.of(report.raw, delivery.at)
        event = Reported(device, sample, delivery.redelivered)
        concerned = [worker for worker in workers if worker.interested(device, sample)]
        handled = [worker.handle_event(event) for worker in concerned]
        if not delivery.redelivered:
            self._recent[key].append(sample)
        await asyncio.gather(*handled)

    async def answer(self, state: OtaState, delivery: Delivery) -> None:
        """A device's word on `$ota/state`."""
        if delivery.retained:
            return
        await self.ready.wait()
        event = Answered(
            state.device,
            state.id or 0,
            state.state,
            delivery.at,
            state.reason or "",
            state.version,
            state.address,
            waits=not delivery.redelivered,
            last=state.last or 0,
        )
        workers = self._by_device.get((self._tenant_of(state.device), state.device))
        if workers:
            # One that is watched after its update may be in the next rollout already.
            going = (w for w in workers if not w.devices[state.device].over)
            await next(going, workers[-1]).handle_event(event)
        else:
            await self._stray(event)

    def watch(self) -> Subscription[RolloutChange]:
        """Changes as they come; a slow onlooker misses the oldest, and is told how many."""
        return self._changes.subscribe()

    def _parts(self, tenant: str) -> WorkerParts:
        async def stream(
            device: str, address: str | None, image: int, progress: Callable[[Any], None]
        ) -> None:
            canned = await self._load(tenant, image)
            await self._streams.send(device, address, canned, progress)

        return WorkerParts(
            self.repository(tenant),
            self._publisher(tenant),
            self._configs(tenant),
            stream,
            self._slots,
            lambda device: tuple(self._recent.get((tenant, device), ())),
            lambda number: self._changed(tenant, number),
            self._freed,
            self._clock,
            self._tasks.defects,
        )

    def _publisher(self, tenant: str) -> PublishMessage:
        return to_own_devices(self._link.publish, tenant, self._is_others)

    def _freed(self) -> None:
        for worker in self._workers.values():
            worker.wake_up()

    def _changed(self, tenant: str, number: int) -> None:
        self._changes.publish((tenant, number))

    async def _end_of(self, tenant: str, worker: Worker) -> None:
        await worker.finished()
        number = worker.rollout.id
        if self._workers.get((tenant, number)) is worker:
            del self._workers[tenant, number]
        for name in worker.devices:
            workers = self._by_device.get((tenant, name), [])
            if worker in workers:
                workers.remove(worker)
            if not workers:
                self._by_device.pop((tenant, name), None)
                self._recent.pop((tenant, name), None)
        self._changed(tenant, number)
        if worker.broken:
            await self._mend(tenant, number)

    async def _mend(self, tenant: str, number: int) -> None:
        """A defect of ours, or another hub, has ended a worker: from what is kept, once more."""
        await asyncio.sleep(self.MEND_S)
        kept = await self._patiently(lambda: self.repository(tenant).load(number))
        if not kept.rollout.phase.over:
            self.begin(tenant, kept)

    async def _take_up(self) -> None:
        await self._patiently(self._begin_all)
        self.ready.set()

    async def _begin_all(self) -> None:
        for tenant in await self._store.tenants():
            self._streams.assume_in_ota_server(*await self.repository(tenant).stranded())
            for kept in await self.repository(tenant).open():
                if (tenant, kept.rollout.id) not in self._workers:
                    self.begin(tenant, kept)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns, once the database is there."""

        def waiting(error: BaseException) -> None:
            log.warning("rollouts wait for the database: %s", reason(error))

        first, longest = _BACK_OFF
        found: T = await retrying(
            [DatabaseAwayError], first=first, longest=longest, waiting=waiting
        )(work)
        return found

    async def _keep_published(self) -> None:
        """At every connection: the broker may have lost what it kept."""
        await self.ready.wait()
        await at_every_connection(self._link, "commands are published", self._publish_all)

    async def _publish_all(self) -> None:
        for worker in list(self._workers.values()):
            await worker.republish()
        for tenant in await self._store.tenants():
            kept = self.repository(tenant)
            pending_clear = await kept.pending_clear()
            for device in pending_clear:
                await self._publisher(tenant)(topics.ota(device), "", retain=True)
            if pending_clear:
                await kept.cleared(pending_clear)

    async def _stray(self, event: Answered) -> None:
        """An answer to no command of ours: the broker holds one that is over, or a stranger's."""
        self._problems.note("ota-stray", event.device, f"{event.state} of command {event.command}")
        topic = topics.ota(event.device)
        with suppress(NotConnectedError):
            if event.state == "accepted":
                # First: to a device that waits for a word the clearing alone would mean go.
                later = f'{{"id":{event.command},"later":60}}'
                await self._link.publish(topic, later)
            await self._link.publish(topic, "", retain=True)
