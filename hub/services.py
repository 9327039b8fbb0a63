"""The rooms' services, as pages and the API are handed them, and the list of the API's routers."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass

from fastapi import APIRouter

from contracts.links import link
from hub.anomalies.watch import AnomalyWatch
from hub.api.streams import LiveStreams
from hub.backups import routes as backups
from hub.backups.service import BackupService
from hub.database.lease.holder import WorkerStanding
from hub.database.replica.replica import Replica
from hub.device_settings import routes as device_settings
from hub.device_settings.service import SettingsService
from hub.devices import account_routes as accounts
from hub.devices import operator_routes as operator
from hub.devices import routes as devices
from hub.devices.naming import Naming
from hub.devices.replace import Replacement
from hub.devices.service import DeviceService
from hub.doctor import routes as doctor
from hub.doctor.finding import DoctorFinding
from hub.explain import routes as explain
from hub.explain.problems import Explainer
from hub.firmware import routes as firmware
from hub.firmware.repository import FirmwareRepository
from hub.homekit import routes as homekit
from hub.homekit.service import HomeKitService
from hub.hooks import routes as hooks
from hub.hooks.service import HookService
from hub.imports import routes as imports
from hub.imports.service import ImportService
from hub.live import Live
from hub.mapping import routes as mapping
from hub.mapping.rehearsal import Rehearsed
from hub.mapping.reload import MappingReload
from hub.mqtt.service import Mqtt
from hub.notifications import routes as notifications
from hub.notifications.service import NotificationService
from hub.people import routes as people
from hub.people.service import PeopleService
from hub.places import routes as places
from hub.places.service import PlaceService
from hub.readings import live_routes as live
from hub.readings import routes as readings
from hub.readings.service import ReadingService
from hub.removals import routes as removals
from hub.removals.service import RemovalService
from hub.rollouts import routes as rollouts
from hub.rollouts.service import Rollouts
from hub.runtime.part_history import PartHistory
from hub.runtime.problems import Problems
from hub.runtime.supervisor import Supervisor
from hub.searches import routes as searches
from hub.searches.service import SearchService
from hub.self_update import routes as self_update
from hub.self_update.service import SelfUpdate
from hub.settings import Settings
from hub.sites import routes as sites
from hub.sites.service import SiteService
from hub.tokens import routes as tokens
from hub.tokens.service import TokenService
from hub.upkeep import routes as upkeep
from hub.upkeep.service import Upkeep
from hub.virtual.service import VirtualSensors
from hub.wizards.service import WizardService
from hub.zones import routes as zones
from hub.zones.service import ZoneService

__all__ = ["Services", "routers"]


@dataclass(frozen=True, slots=True)
class Services:
    """What people and programs may do, by room.

    `firmware` gives a tenant's images, `http_port` is the one that is listened on. `ping` raises
    DatabaseAwayError while the database is away; `examine_database` and `examine_parts` are what
    the doctor asks of the hub. `replica` is the standby that is read from, if there is one.
    """

    settings: Settings
    http_port: int
    ping: Callable[[], Awaitable[None]]
    live: Live
    problems: Problems
    supervisor: Supervisor
    part_history: PartHistory
    examine_database: Callable[[], AsyncIterable[DoctorFinding]]
    examine_parts: Callable[[], Iterable[DoctorFinding]]
    mqtt: Mqtt
    workers: Callable[[], list[WorkerStanding]]
    homekit: HomeKitService
    reload_mapping: MappingReload
    rehearse: Callable[[str, bytes], Rehearsed]
    devices: DeviceService
    device_settings: SettingsService
    naming: Naming
    replacement: Replacement
    readings: ReadingService
    replica: Replica | None
    removals: RemovalService
    imports: ImportService
    upkeep: Upkeep
    backups: BackupService
    places: PlaceService
    firmware: Callable[[str], FirmwareRepository]
    rollouts: Rollouts
    searches: SearchService
    sites: SiteService
    explainer: Explainer
    notifications: NotificationService
    anomalies: AnomalyWatch
    people: PeopleService
    streams: LiveStreams
    tokens: TokenService
    hooks: HookService
    updates: SelfUpdate
    virtual: VirtualSensors
    wizards: WizardService
    zones: ZoneService

    def url(self, path: str) -> str:
        """The address at which a browser finds a path."""
        return link(self.settings.host, self.http_port, path)


def routers(services: Services) -> list[APIRouter]:
    """What /api is made of, in the order of its document."""
    live_updates = services.live
    return [
        devices.routes(
            services.devices, live_updates, naming=services.naming, saved=services.searches.path
        ),
        searches.routes(services.searches),
        explain.routes(services.explainer),
        notifications.routes(services.notifications),
        device_settings.routes(services.device_settings, live_updates),
        readings.routes(services.readings, services.devices, services.zones),
        removals.routes(services.removals),
        imports.routes(services.imports, services.zones),
        places.routes(services.places, services.devices, services.zones, live_updates),
        zones.routes(services.zones, live_updates),
        sites.routes(services.sites),
        firmware.routes(services.firmware, live_updates),
        rollouts.routes(services.rollouts, live_updates),
        hooks.routes(services.hooks),
        self_update.routes(services.updates),
        tokens.routes(services.tokens),
        live.routes(live_updates, services.streams),
        operator.routes(
            services.devices,
            ingest=services.mqtt.ingest,
            homekit=services.homekit,
            problems=services.problems,
            replacement=services.replacement,
            naming=services.naming,
        ),
        upkeep.routes(services.upkeep, services.mqtt.tenants, services.workers),
        backups.routes(services.backups),
        accounts.routes(services.mqtt),
        people.routes(services.people, tenant=services.settings.tenant, url=services.url),
        homekit.routes(services.homekit),
        mapping.routes(services.reload_mapping, services.rehearse),
        doctor.routes(services.examine_database, services.examine_parts),
    ]
