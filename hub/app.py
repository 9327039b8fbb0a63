"""The hub: everything in one process, built, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, Self

from contracts import topics
from contracts.local_hub import SOCKET
from hub.anomalies.watch import AnomalyWatch
from hub.api.operator import OperatorDoor
from hub.api.streams import LiveStreams
from hub.database.key_value import KeyValueStore
from hub.database.start import Running, running
from hub.device_settings.service import SettingsService
from hub.devices.naming import Naming
from hub.devices.recorder import DeviceRecorder
from hub.devices.replace import Replacement
from hub.doctor.finding import DoctorFinding
from hub.doctor.parts import examine
from hub.explain.outages import Outages
from hub.explain.problems import Explainer
from hub.facts import facts, write_facts
from hub.firmware.layouts import layouts
from hub.firmware.repository import FirmwareRepository
from hub.folder import data_folder
from hub.homekit.bridge import Bridge
from hub.homekit.repository import BridgePortRepository, HomeKitRepository
from hub.homekit.sets import BridgeSets
from hub.live import Live
from hub.mapping.reload import MappingReload
from hub.mapping.rules import Mapping as Rules
from hub.mapping.stored import StoredMapping, configured
from hub.mqtt.account_repository import AccountRepository
from hub.mqtt.accounts import AccountBook, tenant_by_account
from hub.mqtt.device_commands import DeviceCommands
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.live_feed import LiveFeed
from hub.mqtt.service import Mqtt
from hub.people.passwords import Passwords
from hub.people.repository import PeopleRepository
from hub.people.service import PeopleService
from hub.people.sessions import LoginSessions
from hub.rollouts.runner import Runner
from hub.rollouts.service import Rollouts
from hub.rollouts.streams import Streams, StreamTimes
from hub.runtime.problems import Problems
from hub.runtime.supervisor import Part, Role, Supervisor, started
from hub.services import Services
from hub.settings import Settings
from hub.tokens.repository import TokenRepository
from hub.tokens.service import TokenService
from hub.web.server import HttpServer, private_socket, tcp_socket
from hub.web.site import Site

__all__ = ["Hub"]


class Hub:
    """One hub on one data folder, from `async with` to the end of the block.

    The database is opened first, since everything else works on it; then all parts are built, and
    started in the order of `_parts`. `facts` is what hub.json says, once started.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.problems = Problems()
        self.supervisor = Supervisor()
        self.live = Live()
        self.facts: dict[str, Any] = {}
        self._stack = AsyncExitStack()
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopped.set)
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def until_stopped(self) -> None:
        """Return at SIGINT or SIGTERM."""
        await self._stopped.wait()

    async def _start(self) -> None:
        settings = self.settings
        # What may be refused is looked at before anything is started.
        if settings.mqtt_url:
            Endpoint.of(settings.mqtt_url)
        self._flash_maps = layouts(settings.partitions)
        rules = configured(settings.presets, settings.mapping)
        self._stack.enter_context(data_folder(settings.data_dir))
        http = tcp_socket("HTTP_PORT", settings.host, settings.http_port)
        self._stack.callback(http.close)
        self.running: Running = await self._stack.enter_async_context(running(settings))
        self._build(rules, http)
        await self._stack.enter_async_context(started(self._parts()))
        first = self.bridges.running()[settings.tenant].pairings()[0]
        self.facts = facts(settings, self.mqtt, http.getsockname()[1], first)
        path = write_facts(settings.data_dir, self.facts)
        self._stack.callback(path.unlink, missing_ok=True)

    def _build(self, rules: Rules | None, http: socket.socket) -> None:
        """Every part, each from those above it; nothing begins to work."""
        settings, store, supervisor = self.settings, self.running.store, self.supervisor
        own = store.of(settings.tenant)
        book = AccountBook(AccountRepository(store))
        tenant_of = tenant_by_account(book, settings.tenant)
        feed = LiveFeed(self.live, tenant_of)
        recorder = DeviceRecorder(store, tenant_of)
        self.bridges = BridgeSets(self._bridge, tenant_of, BridgePortRepository(store), supervisor)
        self.mapping = StoredMapping(
            KeyValueStore(own, "mapping"), rules, self.bridges.model_of, supervisor
        )
        self.translator = self.mapping.translator
        self.mqtt = Mqtt(
            settings,
            store,
            book,
            self.bridges,
            self.translator,
            problems=self.problems,
            tenant_of=tenant_of,
            held=recorder.received_ranges,
            feed=feed,
            supervisor=supervisor,
        )
        source, listener = self.mqtt.source, self.mqtt.listener
        self.commands = DeviceCommands(source, self.translator, feed)
        self.configs = SettingsService(store, source, tenant_of, supervisor)
        self.runner = Runner(
            store,
            source,
            self._streams(),
            tenant_of=tenant_of,
            configs=self.configs.of,
            load=lambda tenant, image: self.firmware(tenant).load(image),
            problems=self.problems,
            supervisor=supervisor,
        )
        self.rollouts = Rollouts(store, self.runner, self.firmware)
        self.outages = Outages(KeyValueStore(own, "explain"), source, supervisor=supervisor)
        self.anomalies = AnomalyWatch(store, supervisor)
        listener.on(topics.Online, self.bridges.heard_online)
        listener.on(topics.Report, recorder.report)
        listener.on(topics.Report, self.configs.report)
        listener.on(topics.Report, self.runner.report)
        listener.on(topics.Batch, recorder.lost)
        listener.on(topics.OtaState, self.runner.answer)
        self.services = self._services(http.getsockname()[1], tenant_of)
        self.site = Site(self.services)
        operator = OperatorDoor(
            self.site.api, tenant=settings.tenant, tenant_of=tenant_of, tenants=store.tenants
        )
        control = private_socket(settings.data_dir / SOCKET)
        self._stack.callback(control.close)
        self._http = HttpServer(self.site.app, http, supervisor)
        self._control = HttpServer(operator, control, supervisor)

    def _parts(self) -> list[Part]:
        """In the order in which they are started; they are stopped in reverse."""
        return [
            Part("mapping", Role.INTAKE, self.mapping.start, self.mapping.stop),
            Part("HomeKit bridges", Role.BRIDGE, self._start_bridges, self.bridges.stop),
            *self.mqtt.parts(),
            Part("wanted settings", Role.DUTIES, self.configs.start, self.configs.stop),
            Part("rollouts", Role.DUTIES, self.runner.start, self.runner.stop),
            Part("outages", Role.DUTIES, self.outages.start, self.outages.stop),
            Part("anomalies", Role.DUTIES, None, self.anomalies.stop),
            Part("pages", Role.WEB, None, self.site.stop),
            Part("HTTP", Role.WEB, self._http.start, self._http.stop),
            Part("control socket", Role.WEB, self._control.start, self._control.stop),
            # Streams and open pages end before the servers wait for them.
            Part("open pages", Role.WEB, None, self._end_pages),
        ]

    def firmware(self, tenant: str) -> FirmwareRepository:
        """A tenant's images."""
        return FirmwareRepository(self.running.store.of(tenant), self._flash_maps)

    def _examine_parts(self) -> Iterator[DoctorFinding]:
        """What the doctor says of the hub's own parts."""
        broker, postgres = self.mqtt.broker, self.running.postgres
        children = [] if broker is None else [broker.main.child, broker.enrolment.child]
        return examine(self.supervisor, [*children, *([postgres.child] if postgres else [])])

    async def first_link(self) -> str | None:
        """A one-time link for the first administrator; None when there is an administrator."""
        path = await self.services.people.make_first_link(self.settings.tenant)
        return path and self.services.url(path)

    def _services(self, http_port: int, tenant_of: Callable[[str], str]) -> Services:
        """The rooms' services, over the parts."""
        settings, store, bridges = self.settings, self.running.store, self.bridges.running
        accounts, streams, people = self.mqtt.book, LiveStreams(), PeopleRepository(store)
        return Services(
            settings=settings,
            http_port=http_port,
            store=store,
            live=self.live,
            problems=self.problems,
            supervisor=self.supervisor,
            examine_parts=self._examine_parts,
            mqtt=self.mqtt,
            bridges=self.bridges,
            reload_mapping=MappingReload(
                settings.presets,
                settings.mapping,
                stored=self.mapping,
                follow=self.mqtt.follow_mapping,
            ),
            device_settings=self.configs,
            naming=Naming(
                store,
                self.live,
                bridges=bridges,
                accounts=accounts,
                change_settings=self.configs.change,
            ),
            replacement=Replacement(
                store,
                tenant_of=tenant_of,
                accounts=accounts,
                bridges=bridges,
                on_replaced=[self._replaced, self.configs.replaced, self.runner.replaced],
            ),
            firmware=self.firmware,
            rollouts=self.rollouts,
            explainer=Explainer(
                store,
                bridges=bridges,
                accounts=accounts,
                enroller=self.mqtt.enroller,
                refused=self.problems,
                outages=self.outages,
            ),
            anomalies=self.anomalies,
            people=PeopleService(people, LoginSessions(people), Passwords()),
            streams=streams,
            tokens=TokenService(TokenRepository(store), streams),
        )

    async def _replaced(self, tenant: str, _old: str, _new: str) -> None:
        self.mqtt.ingest.of(tenant).forget_numbers()

    async def _start_bridges(self) -> None:
        await self.bridges.start(*await self.running.store.tenants())

    async def _end_pages(self) -> None:
        self.site.dashboard.end_all()
        self.live.close()

    def _streams(self) -> Streams:
        settings = self.settings
        return Streams(
            settings.ota_streams,
            port=settings.ota_port,
            broadcast=settings.ota_broadcast,
            times=StreamTimes(wait=settings.ota_wait),
        )

    def _bridge(self, tenant: str, kept_port: int) -> Bridge:
        """The bridge set of a tenant, not started: the first at start, others when they come."""
        settings = self.settings
        ours = tenant == settings.tenant
        return Bridge(
            HomeKitRepository(self.running.store.of(tenant)),
            self.commands.send,
            host=settings.host,
            port=settings.hap_port if ours else kept_port,
            name="Dormouse" if ours else f"Dormouse {tenant}",
            desired=self.commands.leave,
            command_style=self.translator.command_style,
            forget_after=settings.forget_after_days * 86400 or None,
            supervisor=self.supervisor,
        )
