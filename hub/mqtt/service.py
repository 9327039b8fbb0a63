"""The MQTT side put together: broker, accounts, sources, listener, acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

from contracts import topics
from contracts.messages import Enrol, Online, Report
from contracts.reading import Reading
from hub.database.database import Database
from hub.database.key_value import KeyValueStore
from hub.database.lease.held import LeaseGuard
from hub.ingest.ingest import Ingest
from hub.ingest.months import MonthsAhead
from hub.ingest.redating import Redating
from hub.ingest.stalls import Stalls
from hub.ingest.tenants import TenantIngest
from hub.mapping.translator import Translator
from hub.mqtt.access import Foreign
from hub.mqtt.account_limits import LARGEST, AccountLimits
from hub.mqtt.accounts import AccountBook, others_by_account
from hub.mqtt.acks import Acks
from hub.mqtt.broker import Broker
from hub.mqtt.broker_room import HEAP
from hub.mqtt.certificates import Authority
from hub.mqtt.clock import Clocks
from hub.mqtt.delivery import LinkedSource
from hub.mqtt.elsewhere import StoredElsewhere
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.enrolment import Enroller, EnrolListener, EnrolmentGate
from hub.mqtt.http_auth import Decisions
from hub.mqtt.last_reports import LastReports, StoredReport, nothing_stored
from hub.mqtt.listener import BridgeLike, Listener
from hub.mqtt.live_feed import LiveFeed
from hub.mqtt.pending_accounts import PendingAccounts
from hub.mqtt.several import SeveralSources
from hub.mqtt.source import MqttSource
from hub.mqtt.stored_clocks import StoredClocks
from hub.runtime.child import run_as
from hub.runtime.descriptors import Descriptors
from hub.runtime.host_clock import HostClock
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, RunningPart, Supervisor
from hub.settings import Settings

__all__ = ["Mqtt"]

SUBSCRIBED_S = 5.0
OFFLINE = "offline"
"""Home Assistant's word for it."""


class Mqtt:
    """The MQTT side, built and not started: `parts` are what is to be started, in order.

    `source` publishes; `listener.on` lets other parts hear of messages, before it is started;
    `enroller`, `book` and `gate` are what `dormouse devices` steers. `broker` is None with
    MQTT_URL. `tenant_of` says whose a device is, `stored_ranges` which readings are stored (Acks),
    `stored_report` what a device last reported; `on_stored` gets a tenant and readings of it that
    are safe. With `elsewhere` others store and acknowledge what devices say, and are told by
    `forget_clock`: this only listens, to all brokers of MQTT_URL, as `guard` allows.
    `foreign_source` makes, of the filters, what takes the place of a broker.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        book: AccountBook,
        bridge: BridgeLike,
        translator: Translator,
        *,
        problems: Problems,
        tenant_of: Callable[[str], str],
        stored_ranges: Callable[[str, str], Awaitable[Iterable[tuple[int, int]]]],
        feed: LiveFeed,
        clock: HostClock,
        supervisor: Supervisor,
        descriptors: Descriptors | None = None,
        stored_report: StoredReport = nothing_stored,
        on_stored: Callable[[str, Sequence[Reading]], None] = lambda _tenant, _readings: None,
        elsewhere: StoredElsewhere | None = None,
        forget_clock: Callable[[str], None] = lambda _: None,
        guard: LeaseGuard | None = None,
        foreign_source: Callable[[Sequence[str]], LinkedSource] | None = None,
    ) -> None:
        self._forwarders: dict[str, tuple[str, Sequence[str]]] = {}
        self._settings = settings
        self._descriptors = descriptors
        self._database = database
        self._translator = translator
        self._supervisor = supervisor
        self._clock = clock
        self.problems = problems
        self.book = book
        self.tenant_of = tenant_of
        self.gate = EnrolmentGate(settings.enrolment, settings.tenant)
        self.enroller = Enroller(book, self.gate, problems)
        self.pending = PendingAccounts(book, self.enroller, supervisor)
        self._elsewhere, self._forget_elsewhere, self._guard = elsewhere, forget_clock, guard
        endpoints = Endpoint.all_of(settings.brokers)
        own = endpoints[0] if endpoints else None
        password = own.password if own is not None else None
        self.decisions = Decisions(book, self.enroller, problems, password or "", self._foreign)
        foreign = own is not None or foreign_source is not None
        self.broker = None if foreign else self._make_broker()
        self.source: LinkedSource = (
            self._make_sources(endpoints)
            if foreign_source is None
            else foreign_source(self._filters())
        )
        self.redating = Redating(database, clock, supervisor, on_redated=feed.dated_again)
        self.acks = Acks(self.source, stored_ranges, supervisor=supervisor)
        ingest = TenantIngest(
            tenant_of,
            lambda tenant: Ingest(
                database.of(tenant),
                partial(on_stored, tenant),
                settled=lambda: clock.settled,
                corrects=self.redating.corrects,
                supervisor=supervisor,
            ),
            supervisor,
        )
        self.ingest = elsewhere or ingest
        self._months = MonthsAhead(database, supervisor)
        self._stalls = Stalls(database, ingest.all, supervisor)
        self._clocks = Clocks(correction=clock.correction)
        self._stored_clocks = StoredClocks(
            KeyValueStore(database.of(settings.tenant), "mqtt"), self._clocks, supervisor
        )
        self._writers = self._foreign()
        self.limits = self._make_limits()
        self.listener = self._make_listener(bridge, feed, LastReports(stored_report))

    def _make_limits(self) -> AccountLimits:
        return AccountLimits(
            self.source,
            self.book.shut_out,
            self.problems,
            largest=math.inf if self.broker is None else LARGEST,
            owner_of=lambda topic: self._writers.account_of(topic, self._is_account),
            foreign_filters=self._writers_filters,
            forget_session=self.broker.forget_session if self.broker is not None else None,
            taken=self.broker.taken if self.broker is not None else lambda _: -1,
            begin_anew=self.broker.reload.give_back if self.broker is not None else lambda: None,
            supervisor=self._supervisor,
        )

    def _make_listener(
        self, bridge: BridgeLike, feed: LiveFeed, last_reports: LastReports
    ) -> Listener:
        listener = Listener(
            self.limits,
            bridge,
            self.ingest,
            self.problems,
            clocks=self._clocks,
            on_committed=None if self._elsewhere else self.acks.committed,
            on_seen=self.pending.seen,
            translator=self._translator,
            on_reading=feed.reading,
            last_reports=last_reports,
            supervisor=self._supervisor,
        )
        listener.on(Report, feed.report)
        listener.on(Online, feed.online)
        listener.on(Enrol, self.enroller.handle)
        return listener

    def parts(self) -> list[RunningPart]:
        """In the order in which they are to be started."""
        intake = PartRole.INTAKE
        broker, enrolment = [], []
        if self.broker is not None:
            broker = [RunningPart("broker", intake, self.broker.start, self.broker.stop)]
            enrolment = [self._enrolment(self.broker)]
        if self._elsewhere is not None:
            return [
                RunningPart("accounts", intake, self.book.load),
                RunningPart("clocks", intake, self._stored_clocks.load),
                RunningPart("listener", intake, self._listen, self.listener.stop),
                RunningPart.of("pending accounts", intake, self.pending),
            ]
        return [
            RunningPart("accounts", intake, self.book.load),
            *broker,
            RunningPart("acknowledgements", intake, self.acks.start, self.acks.stop),
            RunningPart("readings", intake, self._start_readings, self._stop_readings),
            RunningPart("this machine's clock", intake, self.redating.start, self.redating.stop),
            RunningPart("clocks", intake, self._stored_clocks.start, self._stored_clocks.stop),
            RunningPart("listener", intake, self._listen, self.listener.stop),
            *enrolment,
            RunningPart.of("pending accounts", intake, self.pending),
        ]

    @property
    def default_tenant(self) -> str:
        """The tenant of the settings."""
        return self._settings.tenant

    async def tenants(self) -> list[str]:
        """The names of all tenants."""
        return await self._database.tenants()

    def forget_clock(self, device: str) -> None:
        """Take its next message as prompt: its clock stood still for a time nobody knows."""
        self._clocks.forget(device)
        self._forget_elsewhere(device)

    def is_others(self, tenant: str, device: str) -> bool:
        """Whether a device is another tenant's than this one, by whose account speaks for it.

        At a broker of others every device without one is the default tenant's.
        """
        default = None if self.broker is not None else self.default_tenant
        return others_by_account(self.book, default, self._translator.gateway_of)(tenant, device)

    @property
    def vouches(self) -> bool:
        """Whether the broker has the sessions of the devices that it says are online."""
        return self.broker is None or self.broker.vouches

    @property
    def ports(self) -> dict[str, int]:
        """The broker's ports for hub.json (mqtt, mqtts, enrol); empty when it is not ours."""
        if self.broker is None:
            return {}
        return {**self.broker.main.ports, **self.broker.enrolment.ports}

    async def follow_mapping(self) -> None:
        """The mapping has changed: let the broker and the subscriptions go by it."""
        if self.broker is not None:
            await self.broker.accounts.changed()
        self._follow()

    def set_forwarders(self, forwarders: Mapping[str, tuple[str, Sequence[str]]]) -> bool:
        """Which accounts speak for which devices: by account whose it is, and the devices.

        Only what is that tenant's counts, the account and each device. Whether it is news: then
        `follow_mapping` lets a broker that runs go by it.
        """
        is_news = forwarders != self._forwarders
        self._forwarders = dict(forwarders)
        return is_news

    def _forwarding(self) -> dict[str, tuple[list[str], list[str]]]:
        """By account what it may publish and read: what these devices may."""
        found = {}
        for account, (tenant, devices) in self._forwarders.items():
            if self.book.tenant(account) == tenant:
                its = [one for one in devices if self.book.tenant(one) == tenant]
                filters = [f"{topics.ROOT}/{one}/#" for one in its]
                found[account] = filters, filters
        return found

    def _follow(self) -> None:
        self._writers = self._foreign()
        self.source.follow(self._filters())

    def _is_account(self, name: str) -> bool:
        return self.book.get(name) is not None

    def _writers_filters(self, account: str) -> list[str]:
        """Where an account may leave something outside of HomeKit/."""
        return [one.replace("%u", account) for one in self._writers.writable(account)]

    async def _start_readings(self) -> None:
        await self._months.start()
        await self._stalls.start()

    async def _stop_readings(self) -> None:
        await self._stalls.stop()
        await self.ingest.stop()
        await self._months.stop()

    async def _listen(self) -> None:
        self._follow()  # the mapping was loaded since it was made
        await self.listener.start()

    def _filters(self) -> list[str]:
        # Enrolments come over a listener of their own where the broker is ours.
        own = [topics.DEVICES, topics.ENROLMENTS if self.broker is None else HEAP]
        if self._settings.home_assistant:
            own.append(topics.MIRROR_COMMANDS)
        return [*own, *self._translator.filters]

    def _foreign(self) -> Foreign:
        reports, commands = self._translator.acl()
        filters = [*self._translator.filters, *self._translator.command_filters]
        return Foreign(
            filters,
            reports,
            commands,
            self._settings.home_assistant,
            {**self._translator.gateways(), **self._forwarding()},
        )

    def _make_broker(self) -> Broker:
        settings = self._settings
        return Broker(
            settings.data_dir / "broker",
            self.book,
            host=settings.host,
            port=settings.mqtt_port,
            enrol_port=settings.enrol_port,
            tls_port=settings.mqtts_port,
            authority=Authority(settings.data_dir / "authority"),
            owner=run_as(settings.run_as),
            foreign=self._foreign,
            largest=lambda: self._translator.largest,
            descriptors=self._descriptors,
            problems=self.problems,
            # The limits are made later.
            unread=lambda name: self.limits.unread(name),  # noqa: PLW0108  # as above
            subscribed=lambda name, one: self.limits.subscribed(name, one),  # noqa: PLW0108  # too
            connected=lambda name, stays: self.limits.connected(name, stays),  # noqa: PLW0108  # too
            supervisor=self._supervisor,
        )

    def _make_sources(self, endpoints: Sequence[Endpoint]) -> MqttSource | SeveralSources:
        if self._elsewhere is not None:
            # A session of its own at each: what rollouts and pages want to know waits there too.
            client_id = f"dormouse-{self._settings.tenant}-duties"
            links = [
                self._make_source(self._guard.only_while(one) if self._guard else one, client_id)
                for one in endpoints
            ]
            return SeveralSources(links, self._supervisor)
        if endpoints:
            return self._make_source(endpoints[0], f"dormouse-{self._settings.tenant}")
        broker = self.broker
        if broker is None:
            raise RuntimeError("neither a broker of our own nor another's")
        return self._make_source(lambda: broker.endpoint, "hub")

    def _make_source(
        self, endpoint: Endpoint | Callable[[], Endpoint], client_id: str
    ) -> MqttSource:
        return MqttSource(
            endpoint,
            self._filters(),
            client_id=client_id,
            mark="hub",
            clock=self._clock,
            will=(topics.MIRROR_HUB, OFFLINE) if self._settings.home_assistant else None,
            supervisor=self._supervisor,
        )

    def _enrolment(self, broker: Broker) -> RunningPart:
        source = MqttSource(
            lambda: broker.enrol_endpoint,
            [topics.ENROLMENTS],
            client_id=broker.enrol_client_id,
            session_s=0,
            in_flight=50,
            supervisor=self._supervisor,
        )
        listener = EnrolListener(
            source,
            self.enroller,
            self.problems,
            self._supervisor,
            address_of=broker.enrol_addresses.of,
        )

        async def start() -> None:
            await listener.start()
            # An enrolment before it is subscribed would reach nobody. Our own broker answers at
            # once; without an answer the source goes on trying.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SUBSCRIBED_S):
                    await source.connected.wait()

        return RunningPart("enrolment", PartRole.INTAKE, start, listener.stop)
