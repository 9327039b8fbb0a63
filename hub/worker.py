"""One of several workers on a database: its share of the brokers, and the duties of all."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from importlib import metadata

from contracts.flash_map import FlashMap
from contracts.local_hub import SOCKET
from hub.cells import Cells
from hub.database.errors import DatabaseAwayError
from hub.database.key_value import KeyValueStore
from hub.database.lease.announcements import Announcements
from hub.database.lease.errors import LeaseLostError
from hub.database.lease.held import HeldLease
from hub.database.lease.worker import WorkerLeases
from hub.database.migrate import head
from hub.database.start import running
from hub.errors import HubError, SettingsError
from hub.facts import facts, write_facts
from hub.mapping.rules import Mapping as Rules
from hub.parts import HubParts
from hub.runtime.descriptors import Descriptors, raise_limit
from hub.runtime.host_clock import HostClock
from hub.runtime.log_events import EVENTS
from hub.runtime.problems import Problems
from hub.runtime.roles import FRONT, roles_of
from hub.runtime.standby import Standby
from hub.runtime.supervisor import PartRole, Supervisor, started
from hub.settings import Settings
from hub.web.relay import PageRelay
from hub.web.server import private_socket, tcp_socket
from hub.web.signpost import Signpost
from hub.web_parts import WebParts

__all__ = ["DUTIES", "HubWorker", "refuse_worker"]

log = logging.getLogger(__name__)

DUTIES = "duties"
"""The lease of what one worker at a time has: HomeKit's bridges, duties and pages."""


_PAGES = "pages"


def refuse_worker(settings: Settings) -> None:
    """Raises SettingsError where a worker lacks what it shares with others."""
    missing = [
        f"DORMOUSE_{name.upper()}"
        for name in ("database_url", "mqtt_url")
        if not getattr(settings, name)
    ]
    if missing:
        raise SettingsError(
            f"DORMOUSE_ROLES={settings.roles!r}: a worker shares database and brokers with others: "
            f"name them in {' and '.join(missing)}"
        )


class HubWorker:
    """A worker, from `start` to the end of `stack`.

    `parts` and `web` are there while it has the duties; `on_front` is called when it gets them.
    """

    def __init__(
        self,
        settings: Settings,
        standby: Standby,
        *,
        rules: Rules | None,
        flash_maps: Sequence[FlashMap],
        clock: HostClock,
        on_front: Callable[[HubParts, WebParts], None],
    ) -> None:
        self._settings, self._standby = settings, standby
        self._rules, self._flash_maps, self._clock = rules, flash_maps, clock
        self._on_front = on_front
        self._roles = roles_of(settings.roles)
        self._supervisor, self._problems = Supervisor(), Problems()
        self._tasks = self._supervisor.tasks(PartRole.DUTIES)
        self.leases = WorkerLeases(standby, intake=PartRole.INTAKE in self._roles)

    async def start(self, stack: AsyncExitStack) -> None:
        """Take part. Raises what hub.database.start.running does, and BrokerHeldError."""
        began, settings = time.monotonic(), self._settings
        self._running = await stack.enter_async_context(running(settings, lease=self.leases))
        database = self._running.database
        await self.leases.start(database, self._supervisor)
        stack.push_async_callback(self.leases.stop)
        self._announcements = Announcements(self.leases, self._supervisor)
        await self._announcements.start()
        stack.push_async_callback(self._announcements.stop)
        self.leases.watch([DUTIES])
        if PartRole.INTAKE in self._roles:
            cells = Cells(
                settings,
                database,
                self.leases,
                self._announcements,
                cluster=await self.leases.cluster(),
                rules=self._rules,
                clock=self._clock,
                problems=self._problems,
                standby=self._standby,
                supervisor=self._supervisor,
            )
            await stack.enter_async_context(started(cells.in_order()))
        if self._roles >= FRONT:
            stack.push_async_callback(self._tasks.stop)
            self._tasks.spawn("the duties of all workers", self._front())
        elif PartRole.WEB in self._roles:
            await self._pass_on(stack)
        roles = ", ".join(role for role in PartRole if role in self._roles)
        log.info("this worker is up after %.1f s: %s", time.monotonic() - began, roles)

    async def _pass_on(self, stack: AsyncExitStack) -> None:
        """Pages without duties: those of the worker that has them."""
        listening = tcp_socket("HTTP_PORT", self._settings.host, self._settings.http_port)
        relay = PageRelay(listening, self._pages)
        stack.push_async_callback(relay.stop)
        await relay.start()

    async def _front(self) -> None:
        """Wait for the duties, then have them until another has."""
        try:
            async with AsyncExitStack() as stack:
                settings = self._settings
                http = tcp_socket("HTTP_PORT", settings.host, settings.http_port)
                stack.callback(http.close)
                held = await self.leases.take(DUTIES)
                if held is None:
                    parts, web, held = await self._next_in_turn(http, stack)
                else:
                    parts, web = self._made(http, stack)
                await self._serve(parts, web, stack)
                await held.lost.wait()
                self._standby.lost(LeaseLostError(held.name))
        except HubError as error:
            self._standby.lost(error)
        except Exception as error:
            # The next to have them is another process, or this one's successor.
            self._standby.lost(HubError(f"the duties could not be taken up: {error!r}"))
            raise

    async def _next_in_turn(
        self, http: socket.socket, stack: AsyncExitStack
    ) -> tuple[HubParts, WebParts, HeldLease]:
        """Wait for the duties, with all that is needed for them made already."""
        # The port stays open: who comes while the pages are being started is answered by them.
        signpost = Signpost(http.dup(), self._pages)
        await signpost.start()
        try:
            return *self._made(http, stack), await self._turn()
        finally:
            await signpost.stop()

    async def _pages(self) -> str | None:
        """Where the pages of the worker with the duties are; None while nobody has them."""
        holder = self.leases.holder(DUTIES)
        try:
            said = await self._kept().load(_PAGES)
        except DatabaseAwayError:
            return None
        url = said.get(holder.mark) if holder is not None else None
        return url if isinstance(url, str) else None

    def _kept(self) -> KeyValueStore:
        return KeyValueStore(self._running.database.of(self._settings.tenant), "workers")

    async def _turn(self) -> HeldLease:
        told = False
        while True:
            holder = self.leases.holder(DUTIES)
            if holder is None and (held := await self.leases.take(DUTIES)) is not None:
                return held
            if holder is not None and not told:
                log.info("a worker on %s has the duties: this one waits for them", holder.host)
                told = True
            await self.leases.looked()

    def _made(self, http: socket.socket, stack: AsyncExitStack) -> tuple[HubParts, WebParts]:
        """All that goes with the duties, not started."""
        settings = self._settings
        control = private_socket(settings.data_dir / SOCKET)
        stack.callback(control.close)
        parts = HubParts(
            settings,
            self._running,
            rules=self._rules,
            flash_maps=self._flash_maps,
            clock=self._clock,
            descriptors=Descriptors(raise_limit()),
            http=http,
            lease=None,
            standby=self._standby,
            announcements=self._announcements,
            guard=self.leases.guard(DUTIES),
            supervisor=self._supervisor,
        )
        return parts, WebParts(parts, http, control)

    async def _serve(self, parts: HubParts, web: WebParts, stack: AsyncExitStack) -> None:
        settings, began = self._settings, time.monotonic()
        await stack.enter_async_context(started([*parts.in_order(), *web.in_order()]))
        first = parts.bridges.running()[settings.tenant].pairings()[0]
        port = web.services.http_port
        found = facts(settings, parts.mqtt, port, first, parts.announcement.name)
        path = write_facts(settings.data_dir, found)
        stack.callback(path.unlink, missing_ok=True)
        await self._say_where(web.services.url(""))
        self._on_front(parts, web)
        EVENTS.hub_started.log(
            version=metadata.version("dormouse-home"),
            schema=head(),
            seconds=round(time.monotonic() - began, 1),
            http_port=port,
            mqtt_port=found["mqtt_port"],
            homekit_port=found["hap_port"],
        )

    async def _say_where(self, url: str) -> None:
        """For the other workers: of former holders nobody needs to know."""
        kept = self._kept()
        await kept.delete(_PAGES, await kept.load(_PAGES))
        await kept.save(_PAGES, {self.leases.mark: url.rstrip("/")})
