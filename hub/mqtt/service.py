"""The MQTT side put together: broker, accounts, sources, listener, acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Self

from contracts.reading import Reading
from contracts.topics import Batch, Enrol, Online, Report
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError
from hub.database.key_value import KeyValueStore
from hub.devices.repository import DeviceRepository
from hub.ingest.ingest import Ingest
from hub.ingest.tenants import TenantIngest
from hub.live import Live, LiveOnline, LiveReport, LiveValue
from hub.mapping.rules import Mapping as Rules
from hub.mapping.translator import Translator
from hub.mqtt.access import Foreign
from hub.mqtt.account_repository import AccountRepository, AccountState
from hub.mqtt.accounts import AccountBook
from hub.mqtt.acks import Acks
from hub.mqtt.broker import Broker
from hub.mqtt.certificates import Authority
from hub.mqtt.clock import Clocks, Mark
from hub.mqtt.enrolment import Enroller, EnrolListener, Gate
from hub.mqtt.errors import NotConnectedError
from hub.mqtt.http_auth import Decisions
from hub.mqtt.listener import Bridge, Listener
from hub.mqtt.source import Delivery, Endpoint, MqttSource
from hub.runtime.child import run_as
from hub.runtime.problems import Problems
from hub.settings import Settings

__all__ = ["Mqtt"]

log = logging.getLogger(__name__)

_CLOCKS = "device-clocks"


class Mqtt:
    """An async context manager: on entry the broker runs, the hub is subscribed in the background.

    `source` publishes; `listener.on` lets other parts hear of messages, `listening` is called with
    it before the first one comes, so that none is acknowledged unheard; `enroller`, `book` and
    `gate` are what `dormouse devices` steers. `broker` is None with MQTT_URL.
    """

    # Clock marks and silent enrolments are looked after this often.
    CHORES_S = 5.0
    SUBSCRIBED_S = 5.0

    def __init__(
        self,
        settings: Settings,
        store: Database,
        bridge: Bridge,
        problems: Problems,
        translator: Translator | None = None,
        *,
        live: Live | None = None,
        listening: Callable[[Listener], None] | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._bridge = bridge
        self._translator = translator or Translator(Rules())
        self._live = live or Live()
        self._listening = listening
        self.problems = problems
        self.book = AccountBook(AccountRepository(store))
        self.gate = Gate(settings.enrolment, settings.tenant)
        self.enroller = Enroller(self.book, self.gate, problems)
        hub_password = Endpoint.of(settings.mqtt_url).password if settings.mqtt_url else None
        self.decisions = Decisions(
            self.book, self.enroller, problems, hub_password or "", self._foreign
        )
        self.ingest = TenantIngest(
            self.tenant_of,
            lambda tenant: Ingest(store.of(tenant), problems=problems),
            problems,
        )
        self.broker: Broker | None = None
        self._memory = KeyValueStore(store.of(settings.tenant), "mqtt")
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._confirming: set[str] = set()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def tenant_of(self, device: str) -> str:
        """Whose a device is; one without an account (MQTT_URL) is the default tenant's."""
        return self.book.tenant(device) or self._settings.tenant

    @property
    def default_tenant(self) -> str:
        """The tenant of the settings."""
        return self._settings.tenant

    async def tenants(self) -> list[str]:
        """The names of all tenants."""
        return await self._store.tenants()

    def forget_clock(self, device: str) -> None:
        """Take its next message as prompt: its clock stood still for a time nobody knows."""
        self._clocks.forget(device)

    @property
    def ports(self) -> dict[str, int]:
        """The broker's ports for hub.json (mqtt, mqtts, enrol); empty when it is not ours."""
        if self.broker is None:
            return {}
        return {**self.broker.main.ports, **self.broker.enrolment.ports}

    async def _start(self) -> None:
        await self.book.load()
        if self._settings.mqtt_url:
            endpoint = Endpoint.of(self._settings.mqtt_url)
            client_id = f"dormouse-{self._settings.tenant}"
        else:
            self.broker = await self._start_broker()
            endpoint, client_id = self.broker.endpoint, "hub"
        filters = [*self._own_filters, *self._translator.filters]
        self.source = MqttSource(endpoint, filters, client_id=client_id, mark="hub")
        self.acks = Acks(self.source, self._held, problems=self.problems)
        await self.acks.start()
        self._stack.push_async_callback(self.acks.stop)
        self._stack.push_async_callback(self.ingest.stop)
        self._clocks = Clocks(await self._load_clocks())
        self.listener = self._make_listener()
        if self._listening is not None:
            self._listening(self.listener)
        await self.listener.start()
        self._stack.push_async_callback(self.listener.stop)
        await self._start_enrolment()
        self._spawn(self._chores())
        self._stack.push_async_callback(self._end_tasks)

    @property
    def _own_filters(self) -> list[str]:
        """Enrolments come over a listener of their own where the broker is ours."""
        return ["HomeKit/#", "enrol/+"] if self._settings.mqtt_url else ["HomeKit/#"]

    async def _start_broker(self) -> Broker:
        settings = self._settings
        broker = Broker(
            settings.data_dir / "broker",
            self.book,
            host=settings.host,
            port=settings.mqtt_port,
            enrol_port=settings.enrol_port,
            tls_port=settings.mqtts_port,
            authority=Authority(settings.data_dir / "authority"),
            owner=run_as(settings.run_as),
            foreign=self._foreign(),
        )
        await broker.start()
        self._stack.push_async_callback(broker.stop)
        return broker

    def _foreign(self) -> Foreign:
        reports, commands = self._translator.acl()
        filters = [*self._translator.filters, *self._translator.command_filters]
        return Foreign(filters, reports, commands)

    async def follow_mapping(self) -> None:
        """The mapping has changed: let the broker and the subscriptions go by it."""
        if self.broker is not None:
            await self.broker.accounts.follow(self._foreign())
        self.source.follow([*self._own_filters, *self._translator.filters])

    def _make_listener(self) -> Listener:
        listener = Listener(
            self.source,
            self._bridge,
            self.ingest,
            self.problems,
            clocks=self._clocks,
            acknowledged=self.acks.committed,
            heard=self._heard,
            translator=self._translator,
            live=self._value,
        )
        listener.on(Report, self._report)
        listener.on(Online, self._online)
        listener.on(Batch, self._lost)
        listener.on(Enrol, self.enroller.handle)
        return listener

    async def _start_enrolment(self) -> None:
        if self.broker is None:
            return
        endpoint, client_id = self.broker.enrol_endpoint
        source = MqttSource(endpoint, ["enrol/+"], client_id=client_id, session_s=0, in_flight=50)
        listener = EnrolListener(source, self.enroller, self.problems)
        await listener.start()
        self._stack.push_async_callback(listener.stop)
        await self._heard_by(source)

    async def _heard_by(self, source: MqttSource) -> None:
        """Wait until a source is subscribed: an enrolment before that would reach nobody.

        Our own broker answers at once; without an answer the source goes on trying.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.SUBSCRIBED_S):
                await source.connected.wait()

    def _value(self, reading: Reading) -> None:
        if not self._live.idle:
            tenant = self.tenant_of(reading.series.device)
            self._live.publish(tenant, LiveValue(reading.series, reading.value, reading.at))

    def _online(self, message: Online, delivery: Delivery) -> None:
        if not delivery.retained:
            device = message.device
            self._live.publish(
                self.tenant_of(device), LiveOnline(device, message.online, delivery.at)
            )

    async def _report(self, report: Report, delivery: Delivery) -> None:
        if not delivery.retained:
            tenant = self.tenant_of(report.device)
            if not self._live.idle:
                self._live.publish(tenant, LiveReport(report.device, report.raw, delivery.at))
            devices = DeviceRepository(self._store.of(tenant))
            await devices.report(report.device, report.raw, delivery.at, report.next_wake_s)

    async def _lost(self, batch: Batch, _delivery: Delivery) -> None:
        if batch.lost:
            devices = DeviceRepository(self._store.of(self.tenant_of(batch.device)))
            await devices.lost(batch.device, batch.boot, batch.lost)

    async def _held(self, device: str, boot: str) -> list[tuple[int, int]]:
        """The ranges of sequence numbers that the database holds."""
        for gaps in await DeviceRepository(self._store.of(self.tenant_of(device))).gaps(device):
            if gaps.boot == boot:
                edges = [0, *(edge for missing in gaps.missing for edge in missing), gaps.last + 1]
                pairs = zip(edges[::2], edges[1::2], strict=True)
                return [(a + 1, b - 1) for a, b in pairs if a + 1 < b]
        return []

    def _heard(self, device: str) -> None:
        account = self.book.get(device)
        if (
            account is not None
            and account.state is AccountState.PENDING
            and device not in self._confirming
        ):
            # Once for a burst of messages; a failure leaves the next message to try again.
            self._confirming.add(device)
            task = self._spawn(self.enroller.heard(device))
            task.add_done_callback(lambda _: self._confirming.discard(device))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._save_clocks()

    async def _chores(self) -> None:
        while True:
            await asyncio.sleep(self.CHORES_S)
            try:
                await self._save_clocks()
                await self.enroller.forget_silent()
            except (DatabaseAwayError, NotConnectedError) as error:
                log.debug("chores wait: %s", error)
            except Exception as error:  # noqa: BLE001  # noted with its trace; the next time comes
                self.problems.defect("chores of the broker's side", error)

    async def _load_clocks(self) -> list[tuple[str, Mark]]:
        kept = await self._memory.load(_CLOCKS)
        return [
            (device, Mark(mark["boot"], mark["up"], datetime.fromisoformat(mark["at"])))
            for device, mark in kept.items()
        ]

    async def _save_clocks(self) -> None:
        changed = self._clocks.changed()
        if changed:
            await self._memory.save(
                _CLOCKS,
                {
                    device: {"boot": mark.boot, "up": mark.up, "at": mark.at.isoformat()}
                    for device, mark in changed.items()
                },
            )
