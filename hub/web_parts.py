"""What people and programs reach of a hub: the services, the pages and the API over them."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator

from hub.api.operator import OperatorDoor
from hub.api.streams import LiveStreams
from hub.database.lease.announcements import Changed
from hub.devices.naming import Naming
from hub.devices.replace import Replacement
from hub.devices.service import DeviceService
from hub.doctor.database import examine as examine_database
from hub.doctor.finding import DoctorFinding
from hub.doctor.hub import examine_hub
from hub.imports.service import ImportService
from hub.live import LiveChange
from hub.mapping.rehearsal import rehearse
from hub.mapping.reload import MappingReload
from hub.notifications.past import PastTrial
from hub.notifications.service import NotificationService
from hub.parts import HubParts
from hub.people.passwords import Passwords
from hub.people.repository import PeopleRepository
from hub.people.service import PeopleService
from hub.people.sessions import LoginSessions
from hub.places.service import PlaceService
from hub.readings.service import ReadingService
from hub.runtime.connections import Connections
from hub.runtime.part_history import PartHistory
from hub.runtime.part_states import part_states
from hub.runtime.supervisor import PartRole, RunningPart
from hub.searches.service import SearchService
from hub.services import Services
from hub.sites.service import SiteService, SiteSettings
from hub.tokens.repository import TokenRepository
from hub.tokens.service import TokenService
from hub.virtual.service import VirtualSensors
from hub.web.server import HttpServer
from hub.web.site import WebSite
from hub.wizards.service import WizardService
from hub.zones.service import ZoneService

__all__ = ["WebParts"]


class WebParts:
    """The services of the rooms over a hub's parts, and the two doors to them.

    `http` and `control` are bound sockets; nothing is served before it is started.
    """

    def __init__(self, parts: HubParts, http: socket.socket, control: socket.socket) -> None:
        self._parts, self._replica = parts, parts.running.replica
        self._history = PartHistory(
            functools.partial(
                part_states,
                parts.running.database.ping,
                parts.mqtt.source.connected,
                parts.supervisor,
                parts.settings.data_dir,
                doubtful=lambda: parts.clock.doubtful,
            ),
            parts.settings.data_dir / "parts.json",
            parts.supervisor,
            parts.clock.now,
        )
        self._virtual = VirtualSensors(parts.settings, parts.mqtt.gate, lambda: parts.mqtt.ports)
        self.services = self._services(http.getsockname()[1])
        self.site = WebSite(self.services)
        operator = OperatorDoor(
            self.site.api,
            tenant=parts.settings.tenant,
            tenant_of=parts.tenant_of,
            tenants=parts.running.database.tenants,
            health=self.site.health,
        )
        self._http = HttpServer(
            self.site.app,
            http,
            parts.supervisor,
            Connections("HTTP", parts.descriptors.http),
            parts.settings.web_proxies,
        )
        self._control = HttpServer(operator, control, parts.supervisor)

    def in_order(self) -> list[RunningPart]:
        """In the order in which they are started, after the hub's other parts."""
        return [
            *self._reads(),
            RunningPart.of("how parts are", PartRole.WEB, self._history),
            RunningPart.of("virtual sensors", PartRole.WEB, self._virtual),
            RunningPart("pages", PartRole.WEB, None, self.site.stop),
            RunningPart.of("HTTP", PartRole.WEB, self._http),
            RunningPart.of("control socket", PartRole.WEB, self._control),
            # Streams and open pages end before the servers wait for them.
            RunningPart("open pages", PartRole.WEB, None, self._end_pages),
        ]

    def _reads(self) -> Iterator[RunningPart]:
        """The database's servers, and what is read from besides, where they are somebody else's."""
        if (cluster := self._parts.running.cluster) is not None:
            start = functools.partial(cluster.start, self._parts.supervisor)
            yield RunningPart("database's servers", PartRole.DUTIES, start, cluster.stop)
        if (replica := self._replica) is not None:
            self._parts.live.on_change(replica.changed)
            start = functools.partial(replica.start, self._parts.supervisor)
            yield RunningPart("reads from a standby", PartRole.WEB, start, replica.stop)

    def _services(self, http_port: int) -> Services:
        """The rooms' services, over the parts."""
        parts = self._parts
        settings, database, homekit = parts.settings, parts.running.database, parts.homekit
        accounts, streams, people = parts.mqtt.book, LiveStreams(), PeopleRepository(database)
        notifications = NotificationService(
            database,
            parts.notifier,
            parts.sending,
            parts.live,
            past=PastTrial(database, parts.outages, parts.clock.now),
            home=settings.tenant,
            reachable=settings.notify_networks,
            clock=parts.clock.now,
        )
        return Services(
            settings=settings,
            http_port=http_port,
            ping=database.ping,
            live=parts.live,
            problems=parts.problems,
            supervisor=parts.supervisor,
            part_history=self._history,
            examine_database=lambda: examine_database(database),
            examine_parts=self._examine,
            mqtt=parts.mqtt,
            workers=parts.workers,
            homekit=homekit,
            reload_mapping=MappingReload(
                settings.presets,
                settings.mapping,
                stored=parts.mapping,
                follow=self._mapping_changed,
            ),
            rehearse=functools.partial(rehearse, parts.translator),
            devices=DeviceService(database, homekit),
            device_settings=parts.configs,
            naming=Naming(
                database,
                parts.live,
                homekit=homekit,
                accounts=accounts,
                change_settings=parts.configs.change,
            ),
            replacement=Replacement(
                database,
                tenant_of=parts.tenant_of,
                accounts=accounts,
                homekit=homekit,
                on_replaced=[self._replaced, parts.configs.replaced, parts.runner.replaced],
                calibrations=parts.calibrations,
            ),
            readings=ReadingService(database, parts.calibrations, self._replica),
            replica=self._replica,
            removals=parts.removals,
            imports=ImportService(database, parts.live, [parts.anomalies]),
            upkeep=parts.upkeep,
            backups=parts.backups,
            places=PlaceService(database),
            firmware=parts.firmware,
            rollouts=parts.rollouts,
            searches=SearchService(database),
            sites=SiteService(
                database,
                PlaceService(database),
                parts.tunnels,
                SiteSettings(settings.site_host, settings.site_networks, settings.site_tunnels),
                accounts=accounts,
                mqtt_port=lambda: parts.mqtt.ports.get("mqtt", settings.mqtt_port),
            ),
            explainer=parts.explainer,
            notifications=notifications,
            anomalies=parts.anomalies,
            people=PeopleService(people, LoginSessions(people), Passwords()),
            streams=streams,
            tokens=TokenService(TokenRepository(database), streams),
            hooks=parts.hooks,
            updates=parts.updates,
            virtual=self._virtual,
            wizards=WizardService(database),
            zones=ZoneService(database),
        )

    def _examine(self) -> Iterator[DoctorFinding]:
        """What the doctor says of the hub's own parts."""
        parts = self._parts
        return examine_hub(
            parts.settings,
            parts.supervisor,
            broker=parts.mqtt.broker,
            postgres=parts.running.postgres,
            backups=parts.backups,
            problems=parts.problems,
            clock=parts.clock,
            cluster=parts.running.cluster,
            replica=self._replica,
            failing_channels=parts.notifier.trouble.failing(),
        )

    async def _mapping_changed(self) -> None:
        await self._parts.mqtt.follow_mapping()
        self._parts.bridges.rules_changed()
        self._parts.say(Changed.MAPPING)

    async def _replaced(self, tenant: str, old: str, new: str) -> None:
        self._parts.mqtt.ingest.of(tenant).forget_numbers()
        for device in (old, new):
            self._parts.live.publish(tenant, LiveChange("device", device))

    async def _end_pages(self) -> None:
        # A page that came back to a hub that ends would be loaded anew from one that is gone.
        self._http.refuse()
        self.site.dashboard.end_all()
        self._parts.live.close()
