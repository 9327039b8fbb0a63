"""The hub: everything in one process, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

from hub.accounts import StoredAccounts
from hub.child import run_as
from hub.control import HUB_JSON, SOCKET
from hub.folder import data_folder, write_private
from hub.homekit.bridge import Bridge
from hub.mqtt import topics
from hub.mqtt.broker import Broker
from hub.mqtt.enrolment import Enroller
from hub.mqtt.listener import Listener
from hub.mqtt.source import Delivery, Endpoint, MqttSource
from hub.problems import Problems
from hub.reading import SeriesKey
from hub.settings import Enrolment, Settings
from hub.store.devices import Devices
from hub.store.homekit_state import StoredHomeKit
from hub.store.ingest import Ingest
from hub.store.start import Running, running
from hub.web.control import control_app, public_app
from hub.web.server import HttpServer, private_socket, tcp_socket

__all__ = ["Hub"]

log = logging.getLogger(__name__)

_CLIENT_ID = "hub"  # the broker's account of that name; its session outlives a restart


class Hub:
    """One hub on one data folder, from `async with` to the end of the block.

    Order: Postgres and its schema, broker, HomeKit bridge, listener (which feeds the bridge, and
    so comes after it), HTTP. `facts` is what hub.json says, once started.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.problems = Problems()
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
        self._stack.enter_context(data_folder(settings.data_dir))
        http = tcp_socket("HTTP_PORT", settings.host, settings.http_port)
        self._stack.callback(http.close)
        self.running: Running = await enter(running(settings))
        endpoint, enrolments = await self._broker()
        self.source = MqttSource(endpoint, ["HomeKit/#"], client_id=_CLIENT_ID)
        self.ingest = Ingest(self.running.store, settings.tenant)
        await enter(_started(self.ingest))
        self.bridge = Bridge(
            StoredHomeKit(self.running.store, settings.tenant),
            self._command,
            host=settings.host,
            port=settings.hap_port,
        )
        await enter(_started(self.bridge))
        await self._listen(enrolments)
        await enter(HttpServer(public_app(self), http))
        await enter(HttpServer(control_app(self), private_socket(settings.data_dir / SOCKET)))
        self._tell_facts(http.getsockname()[1])

    async def _broker(self) -> tuple[Endpoint, MqttSource | None]:
        """The broker to listen to, and where enrolments come from when it is our own."""
        settings = self.settings
        self.broker: Broker | None = None
        if settings.mqtt_url:
            return Endpoint.of(settings.mqtt_url), None
        store = StoredAccounts(self.running.store)
        broker = self.broker = Broker(
            settings.data_dir / "broker",
            store,
            host=settings.host,
            port=settings.mqtt_port,
            enrol_port=settings.enrol_port,
            owner=run_as(settings.run_as),
        )
        await self._stack.enter_async_context(_started(broker))
        self.enroller = Enroller(
            store, self.problems, tenant=self._enrolment_tenant, changed=broker.accounts.changed
        )
        enrol_endpoint, client_id = broker.enrol_endpoint
        return broker.endpoint, MqttSource(enrol_endpoint, ["enrol/+"], client_id=client_id)

    async def _listen(self, enrolments: MqttSource | None) -> None:
        devices = Devices(self.running.store, self.settings.tenant)

        async def keep_report(report: topics.Report, delivery: Delivery) -> None:
            await devices.report(report.device, report.raw, delivery.at, report.next_wake_s)

        async def keep_lost(batch: topics.Batch, _: Delivery) -> None:
            if batch.lost:
                await devices.lost(batch.device, batch.boot, batch.lost)

        def show_online(message: topics.Online, delivery: Delivery) -> None:
            self.bridge.online(message.device, message.online, live=not delivery.retained)

        self.listener = Listener(self.source, self.bridge, self.ingest, self.problems)
        self.listener.on(topics.Report, keep_report)
        self.listener.on(topics.Batch, keep_lost)
        self.listener.on(topics.Online, show_online)
        await self._stack.enter_async_context(_started(self.listener))
        if enrolments is not None:
            listener = Listener(enrolments, self.bridge, self.ingest, self.problems)
            listener.on(topics.Enrol, self.enroller.handle)
            await self._stack.enter_async_context(_started(listener))

    async def _command(self, key: SeriesKey, text: str) -> None:
        await self.source.publish(f"{key.topic}/set", text)

    def _enrolment_tenant(self) -> str | None:
        return self.settings.tenant if self.settings.enrolment is Enrolment.OPEN else None

    def _tell_facts(self, http_port: int) -> None:
        settings = self.settings
        first = self.bridge.pairings()[0]
        self.facts = {
            "pid": os.getpid(),
            "host": settings.host,
            "http_port": http_port,
            "mqtt_port": self.broker.main.port if self.broker else None,
            "enrol_port": self.broker.enrolment.port if self.broker else None,
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
