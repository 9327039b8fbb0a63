"""A hub's life: opened, built, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from typing import Any, Self

from contracts.local_hub import SOCKET
from hub.database.start import running
from hub.facts import facts, write_facts
from hub.firmware.layouts import layouts
from hub.folder import UnusableFileError, data_folder, is_of_files
from hub.mapping.stored import configured
from hub.mqtt.endpoint import Endpoint
from hub.parts import HubParts
from hub.runtime.descriptors import Descriptors, raise_limit
from hub.runtime.garbage import expect_load
from hub.runtime.host_clock import HostClock
from hub.runtime.listening import away, is_here
from hub.runtime.supervisor import started
from hub.settings import Settings
from hub.web.server import private_socket, tcp_socket

__all__ = ["Hub"]

log = logging.getLogger(__name__)


class Hub:
    """One hub on one data folder, from `async with` to the end of the block.

    The database is opened first, since everything else works on it; then all parts are built, and
    started in their order. Once started, `facts` is what hub.json says and `parts` what works.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.facts: dict[str, Any] = {}
        self.parts: HubParts
        self._stack = AsyncExitStack()
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopped.set)
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
        flash_maps = layouts(settings.partitions)
        rules = configured(settings.presets, settings.mapping)
        self._stack.enter_context(data_folder(settings.data_dir))
        clock = HostClock(settings.data_dir / "clock.json")
        http = tcp_socket("HTTP_PORT", settings.host, settings.http_port)
        self._stack.callback(http.close)
        if not is_here(settings.host):
            log.warning("%s", away(settings.host))
        database = await self._stack.enter_async_context(running(settings))
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
            control=control,
        )
        await self._stack.enter_async_context(started(self.parts.in_order()))
        first = self.parts.bridges.running()[settings.tenant].pairings()[0]
        port, name = http.getsockname()[1], self.parts.announcement.name
        self.facts = facts(settings, self.parts.mqtt, port, first, name)
        path = write_facts(settings.data_dir, self.facts)
        self._stack.callback(path.unlink, missing_ok=True)
        expect_load()

    async def first_link(self) -> str | None:
        """A one-time link for the first administrator; None when there is an administrator."""
        path = await self.parts.services.people.make_first_link(self.settings.tenant)
        return path and self.parts.services.url(path)
