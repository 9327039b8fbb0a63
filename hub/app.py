"""The hub: everything in one process, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self

from contracts import topics
from contracts.homekit.values import BadValue, parse
from contracts.reading import SeriesKey
from hub.anomalies.watch import Watch
from hub.api.operator import OperatorDoor
from hub.api.streams import LiveStreams
from hub.client import HUB_JSON, SOCKET
from hub.database.key_value import Memory
from hub.database.start import Running, running
from hub.device_settings.service import ConfigService
from hub.devices.naming import Naming
from hub.devices.replace import Replacement
from hub.explain.outages import Outages
from hub.explain.problems import Explainer
from hub.firmware.layouts import layouts
from hub.firmware.repository import Firmware
from hub.folder import data_folder, write_private
from hub.homekit.bridge import Bridge
from hub.homekit.repository import StoredHomeKit, StoredPorts
from hub.homekit.sets import BridgeSets
from hub.live import Live, LiveCommand
from hub.mapping.reload import MappingReload
from hub.mapping.stored import StoredMapping, configured
from hub.mqtt.listener import Listener
from hub.mqtt.service import Mqtt
from hub.mqtt.source import Delivery, Endpoint
from hub.people.passwords import Passwords
from hub.people.repository import People
from hub.people.service import PeopleService
from hub.people.sessions import Sessions
from hub.rollouts.runner import Runner
from hub.rollouts.service import Rollouts
from hub.rollouts.streams import Streams, StreamTimes
from hub.runtime.problems import Problems
from hub.services import Services
from hub.settings import Settings
from hub.tokens.repository import Tokens
from hub.tokens.service import TokenService
from hub.web.server import HttpServer, private_socket, tcp_socket
from hub.web.site import Site

__all__ = ["Hub"]

log = logging.getLogger(__name__)


class Hub:
    """One hub on one data folder, from `async with` to the end of the block.

    Order: Postgres and its schema, HomeKit bridge, broker, listener (it feeds the bridge, so comes
    after it), HTTP. `facts` is what hub.json says, once started.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.problems = Problems()
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
        enter = self._stack.enter_async_context
        settings = self.settings
        if settings.mqtt_url:
            Endpoint.of(settings.mqtt_url)  # raises before anything was started
        self._flash_maps = layouts(settings.partitions)  # as above
        mapped = configured(settings.presets, settings.mapping)  # as above
        self._stack.enter_context(data_folder(settings.data_dir))
        http = tcp_socket("HTTP_PORT", settings.host, settings.http_port)
        self._stack.callback(http.close)
        self.running: Running = await enter(running(settings))
        store = self.running.store
        self.bridges = BridgeSets(self._bridge, self._tenant_of, StoredPorts(store))
        self._stack.push_async_callback(self.bridges.stop)
        # Not entered yet: its listener comes last. But commands from HomeKit need its source.
        self.mapping = StoredMapping(Memory(store, settings.tenant))
        self._stack.push_async_callback(self.mapping.stop)
        self.translator = await self.mapping.load(mapped, self._model_of)
        self.mqtt = Mqtt(
            settings, store, self.bridges, self.problems, self.translator,
            live=self.live, listening=self._listening,
        )  # fmt: skip
        await self.bridges.start(*await store.tenants())
        await enter(self.mqtt)
        await enter(_started(self.configs))
        await enter(_started(self.runner))
        self.outages = Outages(Memory(store, settings.tenant), self.mqtt.source)
        await enter(_started(self.outages))
        self.anomalies = Watch(store)
        self._stack.push_async_callback(self.anomalies.stop)
        self.services = self._services(http.getsockname()[1])
        self.site = await enter(Site(self.services))
        await enter(HttpServer(self.site.app, http))
        door = OperatorDoor(
            self.site.api,
            tenant=settings.tenant,
            tenant_of=self._tenant_of,
            tenants=store.tenants,
        )
        await enter(HttpServer(door, private_socket(settings.data_dir / SOCKET)))
        # Streams and open pages end before the server waits for them.
        self._stack.callback(self.live.close)
        self._stack.callback(self.site.dashboard.end_all)
        self._tell_facts(http.getsockname()[1])

    def _listening(self, listener: Listener) -> None:
        """The parts that hear of messages, before the first one comes."""
        store, source = self.running.store, self.mqtt.source
        listener.on(topics.Online, self._online)
        self.configs = ConfigService(store, source, self._tenant_of)
        listener.on(topics.Report, self.configs.report)
        settings = self.settings
        streams = Streams(
            settings.ota_streams,
            port=settings.ota_port,
            broadcast=settings.ota_broadcast,
            times=StreamTimes(wait=settings.ota_wait),
        )
        self.runner = Runner(
            store,
            source,
            streams,
            tenant_of=self._tenant_of,
            configs=self.configs.of,
            load=lambda tenant, image: self.firmware(tenant).load(image),
            problems=self.problems,
        )
        listener.on(topics.Report, self.runner.report)
        listener.on(topics.OtaState, self.runner.answer)
        self.rollouts = Rollouts(store, self.runner, self.firmware)

    def firmware(self, tenant: str) -> Firmware:
        """A tenant's images."""
        return Firmware(self.running.store, tenant, self._flash_maps)

    async def first_link(self) -> str | None:
        """A one-time link for the first administrator; None when there is an administrator."""
        path = await self.services.people.make_first_link(self.settings.tenant)
        return path and self.services.url(path)

    def _services(self, http_port: int) -> Services:
        """The rooms' services, over the parts that run."""
        settings, store, bridges = self.settings, self.running.store, self.bridges.running
        accounts, streams, people = self.mqtt.book, LiveStreams(), People(store)
        return Services(
            settings=settings,
            http_port=http_port,
            store=store,
            live=self.live,
            problems=self.problems,
            mqtt=self.mqtt,
            bridges=self.bridges,
            reload_mapping=MappingReload(
                settings.presets,
                settings.mapping,
                stored=self.mapping,
                translator=self.translator,
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
                tenant_of=self._tenant_of,
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
            people=PeopleService(people, Sessions(people), Passwords()),
            streams=streams,
            tokens=TokenService(Tokens(store), streams),
        )

    async def _replaced(self, tenant: str, _old: str, _new: str) -> None:
        self.mqtt.ingest.of(tenant).forget_numbers()

    def _bridge(self, tenant: str, kept_port: int) -> Bridge:
        settings = self.settings
        ours = tenant == settings.tenant
        return Bridge(
            StoredHomeKit(self.running.store, tenant),
            self._command,
            host=settings.host,
            port=settings.hap_port if ours else kept_port,
            name="Dormouse" if ours else f"Dormouse {tenant}",
            desired=self._desired,
            manners=self.translator.manners,
            forget_after=settings.forget_after_days * 86400 or None,
        )

    def _tenant_of(self, device: str) -> str:
        return self.mqtt.tenant_of(device)

    async def _command(self, key: SeriesKey, text: str) -> None:
        await self.mqtt.source.publish(*self.translator.command(key, text))
        self._tell_command(key, text)

    def _tell_command(self, key: SeriesKey, text: str) -> None:
        with contextlib.suppress(BadValue):  # it was checked; a device's oddity is not told
            value = parse(key.service, key.characteristic, text)
            told = LiveCommand(key, value, datetime.now(UTC))
            self.live.publish(self._tenant_of(key.device), told)

    async def _desired(self, key: SeriesKey, text: str | None) -> None:
        """Leave a command for a sleeping device at the broker, or take it back."""
        topic, payload = self.translator.command(key, text or "0")
        await self.mqtt.source.publish(topic, payload if text else "", retain=True)

    def _model_of(self, device: str) -> str | None:
        bridge = self.bridges.running().get(self._tenant_of(device))
        return bridge.model_of(device) if bridge else None

    def _online(self, message: topics.Online, delivery: Delivery) -> None:
        self.bridges.online(message.device, message.online, live=not delivery.retained)

    def _tell_facts(self, http_port: int) -> None:
        settings = self.settings
        first = self.bridges.running()[settings.tenant].pairings()[0]
        self.facts = {
            "pid": os.getpid(),
            "host": settings.host,
            "http_port": http_port,
            "mqtt_port": self.mqtt.ports.get("mqtt"),
            "mqtts_port": self.mqtt.ports.get("mqtts"),
            "enrol_port": self.mqtt.ports.get("enrol"),
            "hap_port": first.port,
            "pairing_code": first.pin,
            "setup_uri": first.uri,
            "data_dir": str(settings.data_dir),
            "control": str(settings.data_dir / SOCKET),
            "tenant": settings.tenant,
        }
        path = settings.data_dir / HUB_JSON
        write_private(path, json.dumps(self.facts, indent=2) + "\n")
        self._stack.callback(path.unlink, missing_ok=True)


@asynccontextmanager
async def _started(part: Any) -> AsyncIterator[None]:
    """Between a part's start() and its stop()."""
    await part.start()
    try:
        yield
    finally:
        await part.stop()
