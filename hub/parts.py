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
from hub.backups.service import BackupService
from hub.calibration.known import Calibrations
from hub.database.key_value import KeyValueStore
from hub.database.lease.announcements import Announcements, Changed
from hub.database.lease.held import LeaseGuard
from hub.database.lease.holder import WorkerStanding
from hub.database.lease.lease import Lease
from hub.database.start import Running
from hub.device_settings.service import SettingsService
from hub.devices.recorder import DeviceRecorder
from hub.explain.outages import Outages
from hub.explain.problems import Explainer
from hub.firmware.repository import FirmwareRepository
from hub.homeassistant.service import HomeAssistant
from hub.homekit.bridge import Bridge
from hub.homekit.presence import Patience
from hub.homekit.repository import BridgePortRepository, HomeKitRepository
from hub.homekit.service import HomeKitService
from hub.homekit.sets import BridgeSets
from hub.homekit.styles import SeriesStyles
from hub.hooks.runner import HookRunner
from hub.hooks.service import HookService
from hub.live import Live, LiveChange
from hub.logs.presence import PresenceLog
from hub.mapping.rules import Mapping as Rules
from hub.mapping.stored import StoredMapping
from hub.mqtt.account_repository import AccountRepository
from hub.mqtt.accounts import AccountBook, speaks_for, tenant_by_account
from hub.mqtt.announced_accounts import AnnouncedAccounts
from hub.mqtt.announcement import HubAnnouncement
from hub.mqtt.claim import BrokerClaim
from hub.mqtt.device_commands import DeviceCommands
from hub.mqtt.elsewhere import StoredElsewhere
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.live_feed import LiveFeed
from hub.mqtt.service import Mqtt
from hub.nats.source import nats_source
from hub.notifications.delivery import SendingProcess
from hub.notifications.late import LateReadings
from hub.notifications.notifier import Notifier
from hub.notifications.sources.build import sources
from hub.notifications.sources.machine import standing_of
from hub.places.reported import ReportedPlaces
from hub.places.service import PlaceService
from hub.removals.service import RemovalService
from hub.rollouts.runner import Runner
from hub.rollouts.service import Rollouts
from hub.rollouts.streams import Streams
from hub.runtime.connections import Connections
from hub.runtime.descriptors import Descriptors
from hub.runtime.host_clock import HostClock
from hub.runtime.listening import steady_port
from hub.runtime.problems import Problems
from hub.runtime.standby import Standby
from hub.runtime.supervisor import PartRole, RunningPart, Supervisor
from hub.self_update.service import SelfUpdate
from hub.settings import Settings
from hub.sites.watch import SiteWatch
from hub.upkeep.packing import Packing
from hub.upkeep.service import Upkeep

__all__ = ["HubParts"]


class HubParts:
    """The parts of one hub over its open database; nothing works before it is started.

    `http` is the bound socket of pages and API (WebParts), `flash_maps` what a firmware's image is
    checked against, `rules` the mapping that is configured (None: the one that was stored last).
    With `announcements` other workers have the brokers' intake: they are told what changes here,
    and what they do is done while `guard` has the lease of the duties.
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
        lease: Lease | None,
        standby: Standby,
        announcements: Announcements | None = None,
        guard: LeaseGuard | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._lease, self._standby, self._announcements = lease, standby, announcements
        self._guard = guard
        self.settings, self.running, self.clock = settings, running, clock
        self.problems, self.live = Problems(), Live()
        self.supervisor = supervisor or Supervisor()
        self.late = LateReadings(clock.now)
        self._flash_maps, self.descriptors = flash_maps, descriptors
        self._controllers = Connections("HomeKit", descriptors.homekit)
        book = AccountBook(self._accounts())
        self.tenant_of = tenant_by_account(book, settings.tenant, self._gateway_of)
        self._build_bridge(book, rules)
        recorder = DeviceRecorder(running.database, self.tenant_of)
        self._build_intake(book, recorder)
        self._build_duties(http)
        self.explainer = self._explainer()
        self.notifier = self._notifier()
        self._connect(recorder)

    def _build_bridge(self, book: AccountBook, rules: Rules | None) -> None:
        """What Apple Home sees, and by which rules others' messages become readings."""
        database = self.running.database
        self.calibrations = Calibrations(database, self.supervisor)
        self.bridges = BridgeSets(
            self._bridge,
            self.tenant_of,
            BridgePortRepository(database),
            self.supervisor,
            vouched=lambda: self.mqtt.vouches,
        )
        self.homekit = HomeKitService(self.bridges.running)
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
        feed = LiveFeed(self.live, self.tenant_of, self.calibrations.value)
        self.mqtt = Mqtt(
            self.settings,
            database,
            book,
            self.bridges,
            self.translator,
            problems=self.problems,
            tenant_of=self.tenant_of,
            stored_ranges=recorder.received_ranges,
            stored_report=recorder.last_report,
            on_stored=self.late.stored,
            feed=feed,
            clock=self.clock,
            supervisor=self.supervisor,
            descriptors=self.descriptors,
            elsewhere=self._elsewhere(),
            guard=self._guard,
            forget_clock=lambda device: self.say(Changed.CLOCK, key=device),
            foreign_source=nats_source(self.settings, self.clock, self.supervisor),
        )
        self._feed = feed
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
        supervisor, more = self.supervisor, settings.device_brokers
        is_others = self.mqtt.is_others
        self.configs = SettingsService(
            database,
            source,
            self.tenant_of,
            supervisor,
            self.live,
            is_others=is_others,
            brokers=more,
        )
        self.runner = Runner(
            database,
            source,
            Streams.of(settings),
            tenant_of=self.tenant_of,
            configs=self.configs.of,
            load=lambda tenant, image: self.firmware(tenant).load(image),
            problems=self.problems,
            is_others=is_others,
            supervisor=supervisor,
        )
        self.rollouts = Rollouts(database, self.runner, self.firmware)
        told = KeyValueStore(database.of(settings.tenant), "explain")
        self.outages = Outages(told, source, self.clock.now, supervisor)
        self.anomalies = AnomalyWatch(database, supervisor)
        self.tunnels = SiteWatch(database, supervisor, clock=self.clock.now, mqtt=self.mqtt)
        self.announcement = HubAnnouncement(
            lambda: self.bridges.running()[settings.tenant],
            lambda: {**self.mqtt.ports, "http": http.getsockname()[1]},
        )
        self.removals = RemovalService(
            database,
            self.live,
            mqtt=self.mqtt,
            homekit=self.homekit,
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
        postgres = self.running.postgres
        self.backups = BackupService(settings, postgres, self.clock, self.live, supervisor)
        self._build_hooks()

    def _build_hooks(self) -> None:
        """What pushes start."""
        self.updates = SelfUpdate(self.settings, self.running.postgres)
        self.hook_runs = HookRunner(
            self.settings,
            self.running.database,
            self.live,
            firmware=self.firmware,
            rollouts=self.rollouts,
            updates=self.updates,
            supervisor=self.supervisor,
        )
        parts = self.live, self.hook_runs, self.updates
        self.hooks = HookService(
            self.running.database, *parts, clock=lambda: self.clock.now().timestamp()
        )

    def _connect(self, recorder: DeviceRecorder) -> None:
        """Who hears of what, in this order."""
        listener, book = self.mqtt.listener, self.mqtt.book
        for enrolled in (self.configs.enrolled, self.runner.enrolled, self.removals.enrolled):
            book.on_added(enrolled)
        self.clock.on_step(self.outages.clock_was_set)
        for heard in (self.bridges.recalibrated, self.anomalies.forget, self._recalibrated):
            self.calibrations.on_change(heard)
        reported = ReportedPlaces(PlaceService(self.running.database), self.live, self.tenant_of)
        listener.on(messages.Online, self.bridges.handle_online)
        if self._announcements is None:
            listener.on(messages.Report, recorder.report)
            listener.on(messages.Report, reported.report)
            listener.on(messages.Batch, recorder.lost)
        else:
            self._announcements.on(Changed.PAGES, self._show_anew)
        for report in (self.configs.report, self.runner.report):
            listener.on(messages.Report, report)
        listener.on(messages.OtaState, self.runner.answer)
        listener.on_topic(topics.MIRROR, self.home_assistant.command)

    def in_order(self) -> list[RunningPart]:
        """In the order in which they are started; they are stopped in reverse."""
        heard = PresenceLog(self.bridges.running, self.supervisor)
        return [
            *self._alone(),
            RunningPart.of("mapping", PartRole.INTAKE, self.mapping),
            RunningPart.of("calibrations", PartRole.BRIDGE, self.calibrations),
            RunningPart("HomeKit bridges", PartRole.BRIDGE, self._start_bridges, self.bridges.stop),
            RunningPart("sites", PartRole.INTAKE, self._start_sites),
            *self.mqtt.parts(),
            RunningPart.of("desired settings", PartRole.DUTIES, self.configs),
            RunningPart.of("rollouts", PartRole.DUTIES, self.runner),
            RunningPart.of("outages", PartRole.DUTIES, self.outages),
            RunningPart.of("tunnels", PartRole.DUTIES, self.tunnels),
            RunningPart.of("Home Assistant", PartRole.DUTIES, self.home_assistant),
            RunningPart.of("removals", PartRole.DUTIES, self.removals),
            RunningPart.of("upkeep", PartRole.DUTIES, self.upkeep),
            RunningPart.of("log of devices", PartRole.DUTIES, heard),
            RunningPart.of("backups", PartRole.DUTIES, self.backups),
            RunningPart.of("runs of hooks", PartRole.DUTIES, self.hook_runs),
            RunningPart("anomalies", PartRole.DUTIES, None, self.anomalies.stop),
            RunningPart.of("notifications", PartRole.DUTIES, self.notifier),
            RunningPart.of("announcement", PartRole.INTAKE, self.announcement),
        ]

    def firmware(self, tenant: str) -> FirmwareRepository:
        """A tenant's images."""
        return FirmwareRepository(self.running.database.of(tenant), self._flash_maps)

    def _explainer(self) -> Explainer:
        """What is wrong with which device, and why."""
        return Explainer(
            self.running.database,
            homekit=self.homekit,
            accounts=self.mqtt.book,
            enroller=self.mqtt.enroller,
            refused=self.problems,
            outages=self.outages,
            stuck_since=self.mqtt.ingest.stuck_since,
            tunnels=self.tunnels,
        )

    def _notifier(self) -> Notifier:
        """What looks for what there is to tell, and sends it."""
        self.sending = SendingProcess(self.settings.notify_networks)
        return Notifier(
            self.running.database,
            sources(
                self.running.database,
                self.explainer,
                self.anomalies,
                self.outages,
                folder=self.settings.data_dir,
                backups=lambda: standing_of(self.backups),
                late=self.late,
            ),
            self.sending,
            outages=self.outages,
            live=self.live,
            clock=self.clock.now,
            supervisor=self.supervisor,
        )

    def _recalibrated(self, tenant: str, series: frozenset[SeriesKey]) -> None:
        for key in sorted(series):
            self.live.publish(tenant, LiveChange("calibration", key.full_name))

    def _gateway_of(self, device: str) -> str | None:
        return self.translator.gateway_of(device)

    def _accounts(self) -> AccountRepository:
        accounts = AccountRepository(self.running.database)
        if self._announcements is None:
            return accounts
        return AnnouncedAccounts(accounts, lambda: self.say(Changed.ACCOUNTS))

    def _elsewhere(self) -> StoredElsewhere | None:
        """Other workers store what devices say."""
        if self._announcements is None:
            return None
        return StoredElsewhere(
            lambda tenant: self.say(Changed.NUMBERS, tenant),
            lambda readings: self.late.stored(self.tenant_of(readings[0].series.device), readings),
        )

    def say(self, what: Changed, tenant: str = "", key: str = "") -> None:
        """Tell other workers, if there are any, that something has changed."""
        if self._announcements is not None:
            self._announcements.say(what, tenant, key)

    def workers(self) -> list[WorkerStanding]:
        """The workers of the database; none where this hub has it for itself."""
        return [] if self._announcements is None else self._announcements.workers()

    def _show_anew(self, tenant: str, key: str) -> None:
        noun, _, which = key.partition(" ")
        self.live.publish(tenant, LiveChange(noun, which))

    def _alone(self) -> Iterator[RunningPart]:
        """A hub that has its database for itself; workers have leases of their own."""
        if self._lease is None:
            return
        yield RunningPart("lease", PartRole.DUTIES, self._start_lease, self._lease.stop)
        # A broker that is not ours may be another hub's already.
        if self.settings.mqtt_url:
            endpoint = Endpoint.of(self.settings.brokers[0])
            claim = BrokerClaim(endpoint, supervisor=self.supervisor, standby=self._standby)
            yield RunningPart("claim of the broker", PartRole.INTAKE, claim.start, claim.stop)

    async def _start_lease(self) -> None:
        if self._lease is not None:
            await self._lease.start(self.running.database, self.supervisor)

    async def _start_sites(self) -> None:
        """Before the broker, which would refuse what a site's small broker brings."""
        await self.tunnels.list_sites(follow=False)

    async def _start_bridges(self) -> None:
        await self.bridges.start(*await self.running.database.tenants())

    def _bridge(self, tenant: str, stored_port: int) -> Bridge:
        """The bridge set of a tenant, not started: the first at start, others when they come."""
        settings = self.settings
        ours = tenant == settings.tenant
        fence = None if self._guard is None else self._guard.fence
        is_others = functools.partial(self.mqtt.is_others, tenant)
        commands = DeviceCommands(self.mqtt.source, self.translator, self._feed, is_others)
        return Bridge(
            HomeKitRepository(self.running.database.of(tenant), fence),
            commands.send,
            host=settings.host,
            port=settings.hap_port if ours else stored_port or steady_port(settings.host),
            name="Dormouse" if ours else f"Dormouse {tenant}",
            interfaces=settings.interfaces,
            desired=commands.leave,
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
