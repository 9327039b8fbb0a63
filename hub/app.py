"""A hub's life: opened, built, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import logging
import platform
import signal
import time
from contextlib import AsyncExitStack
from importlib import metadata
from typing import Any, Self

from contracts.local_hub import SOCKET
from hub.database.lease.lease import Lease
from hub.database.migrate import head
from hub.database.start import running
from hub.facts import facts, write_facts
from hub.firmware.layouts import layouts
from hub.folder import UnusableFileError, data_folder, is_of_files
from hub.mapping.stored import configured
from hub.mqtt.endpoint import Endpoint
from hub.nats.cluster import refuse_unfit_cluster
from hub.parts import HubParts
from hub.runtime.descriptors import Descriptors, raise_limit
from hub.runtime.garbage import expect_load
from hub.runtime.host_clock import HostClock
from hub.runtime.listening import away, is_here
from hub.runtime.log_events import EVENTS
from hub.runtime.log_setup import kept_log
from hub.runtime.standby import Standby
from hub.runtime.supervisor import started
from hub.settings import Settings
from hub.web.server import private_socket, tcp_socket
from hub.web_parts import WebParts
from hub.worker import HubWorker, refuse_worker

__all__ = ["Hub"]

log = logging.getLogger(__name__)


class Hub:
    """One hub on one data folder, from `async with` to the end of the block.

    The database is opened first, since everything else works on it; then all parts are built, and
    started in their order. Once started, `facts` is what hub.json says, `parts` what works, and
    `web` what people and programs reach of it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.facts: dict[str, Any] = {}
        self.parts: HubParts
        self.web: WebParts
        self._stack = AsyncExitStack()
        self._standby = Standby(wanted=settings.standby)
        self._is_up = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end)
        try:
            await self._start()
        except OSError as error:
            await self._stack.aclose()
            if not is_of_files(error):
                raise
            raise UnusableFileError(self.settings.data_dir, error) from error
        except BaseException:
            await self._stack.aclose()
            raise
        self._is_up = True
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _end(self) -> None:
        """At SIGINT or SIGTERM; more of them change nothing."""
        if not (self._is_up or self._standby.stopped.is_set()):
            # Broken off, the next start would have to make up for it: it takes seconds.
            log.info("the hub ends as soon as it has started")
        self._standby.stopped.set()

    async def until_stopped(self) -> None:
        """Return at SIGINT or SIGTERM. Raises a HubError when another hub took over."""
        await self._standby.stopped.wait()
        if self._standby.failure is not None:
            raise self._standby.failure

    async def _start(self) -> None:
        settings = self.settings
        # What may be refused is looked at before anything is started.
        Endpoint.all_of(settings.brokers)
        refuse_unfit_cluster(settings)
        if settings.is_worker:
            refuse_worker(settings)
        flash_maps = layouts(settings.partitions)
        rules = configured(settings.presets, settings.mapping)
        self._stack.enter_context(data_folder(settings.data_dir))
        self._stack.enter_context(kept_log(settings.data_dir))
        began, version = time.monotonic(), metadata.version("dormouse-home")
        EVENTS.hub_starting.log(version=version, python=platform.python_version())
        self._stack.callback(_say_stopped, began, version)
        clock = HostClock(settings.data_dir / "clock.json")
        if not is_here(settings.host):
            log.warning("%s", away(settings.host))
        if settings.is_worker:
            worker = HubWorker(
                settings,
                self._standby,
                rules=rules,
                flash_maps=flash_maps,
                clock=clock,
                on_front=self._has_front,
            )
            await worker.start(self._stack)
            return
        http = tcp_socket("HTTP_PORT", settings.host, settings.http_port)
        self._stack.callback(http.close)
        lease = Lease(self._standby, heartbeat=bool(settings.database_url))
        database = await self._stack.enter_async_context(running(settings, lease=lease))
        control = private_socket(settings.data_dir / SOCKET)
        self._stack.callback(control.close)
        self.parts = HubParts(
            settings,
            database,
            rules=rules,
            flash_maps=flash_maps,
            clock=clock,
            descriptors=Descriptors(raise_limit()),
            http=http,
            lease=lease,
            standby=self._standby,
        )
        self.web = WebParts(self.parts, http, control)
        in_order = [*self.parts.in_order(), *self.web.in_order()]
        await self._stack.enter_async_context(started(in_order))
        first = self.parts.bridges.running()[settings.tenant].pairings()[0]
        port, name = http.getsockname()[1], self.parts.announcement.name
        self.facts = facts(settings, self.parts.mqtt, port, first, name)
        path = write_facts(settings.data_dir, self.facts)
        self._stack.callback(path.unlink, missing_ok=True)
        expect_load()
        EVENTS.hub_started.log(
            version=version,
            schema=head(),
            seconds=round(time.monotonic() - began, 1),
            http_port=port,
            mqtt_port=self.facts["mqtt_port"],
            homekit_port=self.facts["hap_port"],
        )

    def _has_front(self, parts: HubParts, web: WebParts) -> None:
        self.parts, self.web = parts, web
        expect_load()

    async def first_link(self) -> str | None:
        """A one-time link for the first administrator; None when there is an administrator."""
        path = await self.web.services.people.make_first_link(self.settings.tenant)
        return path and self.web.services.url(path)


def _say_stopped(began: float, version: str) -> None:
    EVENTS.hub_stopped.log(version=version, seconds=round(time.monotonic() - began, 1))
