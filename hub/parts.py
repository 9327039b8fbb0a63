"""What a hub is made of: every part, built from those above it, and the order of their start."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator, Sequence
from importlib import metadata

from contracts import messages, topics
from contracts.flash_map import FlashMap
from contracts.reading import SeriesKey
from hub.anomalies.watch import AnomalyWatch
from hub.api.operator import OperatorDoor
from hub.api.streams import LiveStreams
from hub.calibration.known import Calibrations
from hub.database.key_value import KeyValueStore
from hub.database.start import Running
from hub.device_settings.service import SettingsService
from hub.devices.naming import Naming
from hub.devices.recorder import DeviceRecorder
from hub.devices.replace import Replacement
from hub.devices.service import DeviceService
from hub.doctor.database import examine as examine_database
from hub.doctor.finding import DoctorFinding
from hub.doctor.parts import (
    examine,
    examine_address,
    examine_clock,
    examine_disk,
    examine_dropped,
    examine_store,
)
from hub.explain.outages import Outages
from hub.explain.problems import Explainer
from hub.firmware.repository import FirmwareRepository
from hub.homeassistant.service import HomeAssistant
from hub.homekit.bridge import Bridge
from hub.homekit.presence import Patience
from hub.homekit.repository import BridgePortRepository, HomeKitRepository
from hub.homekit.sets import BridgeSets
from hub.homekit.styles import SeriesStyles
from hub.imports.service import ImportService
from hub.live import Live, LiveChange
from hub.mapping.rehearsal import rehearse
from hub.mapping.reload import MappingReload
from hub.mapping.rules import Mapping as Rules
from hub.mapping.stored import StoredMapping
from hub.mqtt.account_repository import AccountRepository
from hub.mqtt.accounts import AccountBook, speaks_for, tenant_by_account
from hub.mqtt.announcement import HubAnnouncement
from hub.mqtt.device_commands import DeviceCommands
from hub.mqtt.live_feed import LiveFeed
from hub.mqtt.service import Mqtt
from hub.people.passwords import Passwords
from hub.people.repository import PeopleRepository
from hub.people.service import PeopleService
from hub.people.sessions import LoginSessions
from hub.places.reported import ReportedPlaces
from hub.places.service import PlaceService
from hub.readings.service import ReadingService
from hub.removals.service import RemovalService
from hub.rollouts.runner import Runner
from hub.rollouts.service import Rollouts
from hub.rollouts.streams import Streams
from hub.runtime.connections import Connections
from hub.runtime.descriptors import Descriptors
from hub.runtime.host_clock import HostClock
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, RunningPart, Supervisor
from hub.searches.service import SearchService
from hub.services import Services
from hub.settings import Settings
from hub.tokens.repository import TokenRepository
from hub.tokens.service import TokenService
from hub.upkeep.packing import Packing
from hub.upkeep.service import Upkeep
from hub.web.server import HttpServer
from hub.web.site import Site
from hub.wizards.service import WizardService
from hub.zones.service import ZoneService

__all__ = ["HubParts"]


class HubParts:
    """The parts of one hub over its open database; nothing works before it is started.

    `http` and `control` are bound sockets, `flash_maps` what a firmware's image is checked against,
    `rules` the mapping that is configured (None: the one that was stored last).
    """

    def __init__(
        self,
        settings: Settings,
        running: Running,
        *,
        rules: Rules | None,
        flash_maps: Sequence[FlashMap],
        clock: HostClock,
        descriptors: Descriptors,
        http: socket.socket,
        control: socket.socket,
    ) -> None:
        self.settings, self.running, self.clock = settings, running, clock
        self.problems, self.supervisor, self.live = Problems(), Supervisor(), Live()
        self._flash_maps, self._descriptors = flash_maps, descriptors
        self._controllers = Connections("HomeKit", descriptors.homekit)
        book = AccountBook(AccountRepository(running.database))
        self._tenant_of = tenant_by_account(book, settings.tenant, self._gateway_of)
        self._build_bridge(book, rules)
        recorder = DeviceRecorder(running.database, self._tenant_of)
        self._build_intake(book, recorder)
        self._build_duties(http)
        self._connect(recorder)
        self._build_web(http, control)

    def _build_bridge(self, book: AccountBook, rules: Rules | None) -> None:
        """What Apple Home sees, and by which rules others' messages become readings."""
        database = self.running.database
        self.calibrations = Calibrations(database, self.supervisor)
        self.bridges = BridgeSets(
            self._bridge,
            self._tenant_of,
            BridgePortRepository(database),
            self.supervisor,
            vouched=lambda: self.mqtt.vouches,
        )
        self.mapping = StoredMapping(
            KeyValueStore(database.of(self.settings.tenant), "mapping"),
            rules,
            self.bridges.model_of,
            self.supervisor,
            speaks_for=functools.partial(speaks_for, book),
        )
        self.translator = self.mapping.translator

    def _build_intake(self, book: AccountBook, recorder: DeviceRecorder) -> None:
        """The broker, what comes in by it and what goes out."""
        database = self.running.database
        feed = LiveFeed(self.live, self._tenant_of, self.calibrations.value)
        self.mqtt = Mqtt(
            self.settings,
            database,
            book,
            self.bridges,
            self.translator,
            problems=self.problems,
            tenant_of=self._tenant_of,
            stored_ranges=recorder.received_ranges,
            stored_report=recorder.last_report,
            feed=feed,
            clock=self.clock,
            supervisor=self.supervisor,
            descriptors=self._descriptors,
        )
        self.commands = DeviceCommands(self.mqtt.source, self.translator, feed)
        self.home_assistant = HomeAssistant(
            self.settings.home_assistant,
            self.mqtt.source,
            self.bridges.running,
            lambda tenant: KeyValueStore(database.of(tenant), "homeassistant"),
            version=metadata.version("dormouse-home"),
            problems=self.problems,
            supervisor=self.supervisor,
        )

    def _build_duties(self, http: socket.socket) -> None:
        """What the hub does by itself."""
        settings, database, source = self.settings, self.running.database, self.mqtt.source
        supervisor = self.supervisor
        self.configs = SettingsService(database, source, self._tenant_of, supervisor)
        self.runner = Runner(
            database,
            source,
            Streams.of(settings),
            tenant_of=self._tenant_of,
            configs=self.configs.of,
            load=lambda tenant, image: self.firmware(tenant).load(image),
            problems=self.problems,
            supervisor=supervisor,
        )
        self.rollouts = Rollouts(database, self.runner, self.firmware)
        told = KeyValueStore(database.of(settings.tenant), "explain")
        self.outages = Outages(told, source, self.clock.now, supervisor)
        self.anomalies = AnomalyWatch(database, supervisor)
        self.announcement = HubAnnouncement(
            lambda: self.bridges.running()[settings.tenant],
            lambda: {**self.mqtt.ports, "http": http.getsockname()[1]},
        )
        self.removals = RemovalService(
            database,
            self.live,
            mqtt=self.mqtt,
            bridges=self.bridges,
            calibrations=self.calibrations,
            learners=[self.anomalies],
            supervisor=supervisor,
        )
        self.upkeep = Upkeep(
            database,
            self.running.owner_url,
            supervisor,
            doubtful=lambda: self.clock.doubtful,
            packing=Packing(database, settings.pack_after_days),
        )

    def _connect(self, recorder: DeviceRecorder) -> None:
        """Who hears of what, in this order."""
        listener = self.mqtt.listener
        self.clock.on_step(self.outages.clock_was_set)
        for heard in (self.bridges.recalibrated, self.anomalies.forget, self._recalibrated):
            self.calibrations.on_change(heard)
        reported = ReportedPlaces(PlaceService(self.running.database), self.live, self._tenant_of)
        listener.on(messages.Online, self.bridges.handle_online)
        for report in (recorder.report, reported.report, self.configs.report, self.runner.report):
            listener.on(messages.Report, report)
        listener.on(messages.Batch, recorder.lost)
        listener.on(messages.OtaState, self.runner.answer)
        listener.on_topic(topics.MIRROR, self.home_assistant.command)

    def _build_web(self, http: socket.socket, control: socket.socket) -> None:
        """The services, the pages and the API over them, and the two doors to these."""
        self.services = self._services(http.getsockname()[1])
        self.site = Site(self.services)
        operator = OperatorDoor(
            self.site.api,
            tenant=self.settings.tenant,
            tenant_of=self._tenant_of,
            tenants=self.running.database.tenants,
            health=self.site.health,
        )
        self._http = HttpServer(
            self.site.app, http, self.supervisor, Connections("HTTP", self._descriptors.http)
        )
        self._control = HttpServer(operator, control, self.supervisor)

    def in_order(self) -> list[RunningPart]:
        """In the order in which they are started; they are stopped in reverse."""
        return [
            RunningPart("mapping", PartRole.INTAKE, self.mapping.start, self.mapping.stop),
            RunningPart(
                "calibrations", PartRole.BRIDGE, self.calibrations.start, self.calibrations.stop
            ),
            RunningPart("HomeKit bridges", PartRole.BRIDGE, self._start_bridges, self.bridges.stop),
            *self.mqtt.parts(),
            RunningPart("desired settings", PartRole.DUTIES, self.configs.start, self.configs.stop),
            RunningPart("rollouts", PartRole.DUTIES, self.runner.start, self.runner.stop),
            RunningPart("outages", PartRole.DUTIES, self.outages.start, self.outages.stop),
            RunningPart(
                "Home Assistant",
                PartRole.DUTIES,
                self.home_assistant.start,
                self.home_assistant.stop,
            ),
            RunningPart("removals", PartRole.DUTIES, self.removals.start, self.removals.stop),
            RunningPart("upkeep", PartRole.DUTIES, self.upkeep.start, self.upkeep.stop),
            RunningPart("anomalies", PartRole.DUTIES, None, self.anomalies.stop),
            RunningPart(
                "announcement", PartRole.INTAKE, self.announcement.start, self.announcement.stop
            ),
            RunningPart("pages", PartRole.WEB, None, self.site.stop),
            RunningPart("HTTP", PartRole.WEB, self._http.start, self._http.stop),
            RunningPart("control socket", PartRole.WEB, self._control.start, self._control.stop),
            # Streams and open pages end before the servers wait for them.
            RunningPart("open pages", PartRole.WEB, None, self._end_pages),
        ]

    def firmware(self, tenant: str) -> FirmwareRepository:
        """A tenant's images."""
        return FirmwareRepository(self.running.database.of(tenant), self._flash_maps)

    def _examine_parts(self) -> Iterator[DoctorFinding]:
        """What the doctor says of the hub's own parts."""
        broker, postgres = self.mqtt.broker, self.running.postgres
        children = [] if broker is None else [broker.main.child, broker.enrolment.child]
        yield from examine(self.supervisor, [*children, *([postgres.child] if postgres else [])])
        yield examine_address(self.settings.host)
        yield examine_disk(self.settings.data_dir)
        if broker is not None:
            yield from examine_store(broker.store)
        yield from examine_dropped(self.problems)
        yield from examine_clock(self.clock)

    def _services(self, http_port: int) -> Services:
        """The rooms' services, over the parts."""
        settings, database, bridges = self.settings, self.running.database, self.bridges.running
        accounts, streams, people = self.mqtt.book, LiveStreams(), PeopleRepository(database)
        return Services(
            settings=settings,
            http_port=http_port,
            ping=database.ping,
            live=self.live,
            problems=self.problems,
            supervisor=self.supervisor,
            examine_database=lambda: examine_database(database),
            examine_parts=self._examine_parts,
            mqtt=self.mqtt,
            bridges=self.bridges,
            reload_mapping=MappingReload(
                settings.presets,
                settings.mapping,
                stored=self.mapping,
                follow=self._mapping_changed,
            ),
            rehearse=functools.partial(rehearse, self.translator),
            devices=DeviceService(database, bridges),
            device_settings=self.configs,
            naming=Naming(
                database,
                self.live,
                bridges=bridges,
                accounts=accounts,
                change_settings=self.configs.change,
            ),
            replacement=Replacement(
                database,
                tenant_of=self._tenant_of,
                accounts=accounts,
                bridges=bridges,
                on_replaced=[self._replaced, self.configs.replaced, self.runner.replaced],
                calibrations=self.calibrations,
            ),
            readings=ReadingService(database, self.calibrations),
            removals=self.removals,
            imports=ImportService(database, self.live, [self.anomalies]),
            upkeep=self.upkeep,
            places=PlaceService(database),
            firmware=self.firmware,
            rollouts=self.rollouts,
            searches=SearchService(database),
            explainer=Explainer(
                database,
                bridges=bridges,
                accounts=accounts,
                enroller=self.mqtt.enroller,
                refused=self.problems,
                outages=self.outages,
                stuck_since=self.mqtt.ingest.stuck_since,
            ),
            anomalies=self.anomalies,
            people=PeopleService(people, LoginSessions(people), Passwords()),
            streams=streams,
            tokens=TokenService(TokenRepository(database), streams),
            wizards=WizardService(database),
            zones=ZoneService(database),
        )

    def _recalibrated(self, tenant: str, series: frozenset[SeriesKey]) -> None:
        for key in sorted(series):
            self.live.publish(tenant, LiveChange("calibration", key.full_name))

    async def _mapping_changed(self) -> None:
        await self.mqtt.follow_mapping()
        self.bridges.rules_changed()

    def _gateway_of(self, device: str) -> str | None:
        return self.translator.gateway_of(device)

    async def _replaced(self, tenant: str, old: str, new: str) -> None:
        self.mqtt.ingest.of(tenant).forget_numbers()
        for device in (old, new):
            self.live.publish(tenant, LiveChange("device", device))

    async def _start_bridges(self) -> None:
        await self.bridges.start(*await self.running.database.tenants())

    async def _end_pages(self) -> None:
        self.site.dashboard.end_all()
        self.live.close()

    def _bridge(self, tenant: str, stored_port: int) -> Bridge:
        """The bridge set of a tenant, not started: the first at start, others when they come."""
        settings = self.settings
        ours = tenant == settings.tenant
        return Bridge(
            HomeKitRepository(self.running.database.of(tenant)),
            self.commands.send,
            host=settings.host,
            port=settings.hap_port if ours else stored_port,
            name="Dormouse" if ours else f"Dormouse {tenant}",
            interfaces=settings.interfaces,
            desired=self.commands.leave,
            command_style=self.translator.command_style,
            styles=SeriesStyles(
                self.translator.kind,
                self.translator.thresholds,
                self.translator.silent_after,
                functools.partial(self.calibrations.value, tenant),
            ),
            patience=Patience(unseen=settings.silent_after),
            forget_after=settings.forget_after_days * 86400 or None,
            told=lambda key, value: self.home_assistant.told(tenant, key, value),
            regrown=lambda: self.home_assistant.regrown(tenant),
            supervisor=self.supervisor,
            limits=self._controllers,
        )
