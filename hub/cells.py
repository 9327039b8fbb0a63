"""A worker's intake: its fair share of the brokers, each consumed by one worker at a time."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
from contextlib import AsyncExitStack

from contracts import messages
from hub.cell_knowledge import CellKnowledge
from hub.database.database import Database
from hub.database.key_value import KeyValueStore
from hub.database.lease.announcements import Announcements, Changed
from hub.database.lease.held import HeldLease
from hub.database.lease.worker import WorkerLeases
from hub.devices.recorder import DeviceRecorder
from hub.ingest.months import MonthsAhead
from hub.ingest.redating import Redating
from hub.live import Live, LiveChange, Update
from hub.mapping.rules import Mapping as Rules
from hub.mapping.stored import StoredMapping
from hub.mqtt.account_repository import AccountRepository
from hub.mqtt.accounts import AccountBook, speaks_for, tenant_by_account
from hub.mqtt.cell import Cell
from hub.mqtt.claim import BrokerClaim
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.newcomers import Newcomers
from hub.places.reported import ReportedPlaces
from hub.places.service import PlaceService
from hub.runtime.host_clock import HostClock
from hub.runtime.problems import Problems
from hub.runtime.standby import Standby
from hub.runtime.supervisor import PartRole, RunningPart, Supervisor, started
from hub.settings import Settings

__all__ = ["Cells", "cell_lease"]

log = logging.getLogger(__name__)


def cell_lease(endpoint: Endpoint) -> str:
    """What the lease of a broker is called."""
    return f"cell {endpoint.name}"


class _ToldPages(Live):
    """Open pages are another worker's: it is told what they show anew."""

    def __init__(self, announcements: Announcements) -> None:
        super().__init__()
        self._announcements = announcements

    def publish(self, topic: str, event: Update) -> None:
        if isinstance(event, LiveChange):
            self._announcements.say(Changed.PAGES, topic, f"{event.noun} {event.key}")


class _Running:
    """A cell that this worker has, and what ends it."""

    def __init__(self, cell: Cell, stack: AsyncExitStack) -> None:
        self.cell, self.stack = cell, stack


class Cells:
    """Takes this worker's share of the brokers of MQTT_URL, and hands over what is more than that.

    The share is the brokers by the workers there are, rounded up. A broker is handed over drained:
    what was taken from it is stored and acknowledged. `cluster` tells this database from others.
    """

    PAUSE_S = 0.2

    def __init__(
        self,
        settings: Settings,
        database: Database,
        leases: WorkerLeases,
        announcements: Announcements,
        *,
        cluster: str,
        rules: Rules | None,
        clock: HostClock,
        problems: Problems,
        standby: Standby,
        supervisor: Supervisor,
    ) -> None:
        self._tenant, self._database, self._leases = settings.tenant, database, leases
        self._clock, self._problems, self._supervisor = clock, problems, supervisor
        self._endpoints = {cell_lease(one): one for one in Endpoint.all_of(settings.brokers)}
        self._accounts = AccountRepository(database)
        self._book = AccountBook(self._accounts)
        self._known = CellKnowledge(database)
        self._mapping = StoredMapping(
            KeyValueStore(database.of(settings.tenant), "mapping"),
            rules,
            self._known.model_of,
            supervisor,
            speaks_for=functools.partial(speaks_for, self._book),
        )
        translator = self._mapping.translator
        self.tenant_of = tenant_by_account(self._book, settings.tenant, translator.gateway_of)
        self._newcomers = Newcomers(self._has_account, self._ask, supervisor)
        self._recorder = DeviceRecorder(database, self.tenant_of)
        self._places = ReportedPlaces(
            PlaceService(database), _ToldPages(announcements), self.tenant_of
        )
        self._redating = Redating(database, clock, supervisor)
        self._months = MonthsAhead(database, supervisor)
        self._claims = [
            BrokerClaim(one, supervisor=supervisor, standby=standby, cluster=cluster)
            for one in self._endpoints.values()
        ]
        self._running: dict[str, _Running] = {}
        self._ending: set[str] = set()
        self._stale: set[Changed] = set()
        self._changed = asyncio.Event()
        self._tasks = supervisor.tasks(PartRole.INTAKE)
        leases.watch(self._endpoints)
        announcements.on(Changed.ACCOUNTS, lambda *_: self._is_stale(Changed.ACCOUNTS))
        announcements.on(Changed.MAPPING, lambda *_: self._is_stale(Changed.MAPPING))
        announcements.on(Changed.NUMBERS, lambda tenant, _: self._forget_numbers(tenant))
        announcements.on(Changed.CLOCK, lambda _, device: self._forget_clock(device))

    def in_order(self) -> list[RunningPart]:
        """In the order in which they are started."""
        intake = PartRole.INTAKE
        return [
            RunningPart("accounts", intake, self._book.load),
            RunningPart("what cells know", intake, self._known.load),
            RunningPart.of("mapping", intake, self._mapping),
            RunningPart("claims of the brokers", intake, self._claim, self._take_back),
            RunningPart.of("months", intake, self._months),
            RunningPart.of("this machine's clock", intake, self._redating),
            RunningPart("cells", intake, self._start, self._stop),
        ]

    def names(self) -> list[str]:
        """The leases of the cells that this worker has."""
        return sorted(self._running)

    async def _claim(self) -> None:
        found = await asyncio.gather(
            *(claim.start() for claim in self._claims), return_exceptions=True
        )
        refused = [one for one in found if isinstance(one, BaseException)]
        if refused:
            await self._take_back()
            raise refused[0]

    async def _take_back(self) -> None:
        await asyncio.gather(*(claim.stop() for claim in self._claims))

    async def _start(self) -> None:
        self._tasks.loop("sharing the brokers", self._share)
        self._tasks.loop("reading anew what other workers changed", self._follow)

    async def _stop(self) -> None:
        await self._tasks.stop()
        await asyncio.gather(*(self._end(name) for name in list(self._running)))
        await self._newcomers.stop()

    # --- the share ----------------------------------------------------------------------------

    async def _share(self) -> None:
        while True:
            for name, running in list(self._running.items()):
                if running.cell.held.lost.is_set():
                    self._tasks.spawn("leaving a broker to another worker", self._end(name))
            share = math.ceil(len(self._endpoints) / max(1, self._leases.workers()))
            if len(self._running) > share:
                await self._end(next(reversed(self._running)))
            elif len(self._running) + len(self._ending) < share:
                await self._take_one()
            await asyncio.sleep(self.PAUSE_S)

    async def _take_one(self) -> None:
        """One broker that nobody has; those that two workers want at once, one of them gets."""
        for name, endpoint in self._endpoints.items():
            if name in self._running or name in self._ending or self._leases.holder(name):
                continue
            held = await self._leases.take(name)
            if held is not None:
                await self._begin(endpoint, held)
                return

    async def _begin(self, endpoint: Endpoint, held: HeldLease) -> None:
        cell = Cell(
            endpoint,
            held,
            self._database,
            tenant=self._tenant,
            tenant_of=self.tenant_of,
            translator=self._mapping.translator,
            bridge=self._known,
            problems=self._problems,
            clock=self._clock,
            redating=self._redating,
            newcomers=self._newcomers,
            stored_ranges=self._recorder.received_ranges,
            stored_report=self._recorder.last_report,
            supervisor=self._supervisor,
        )
        for handler in (self._recorder.report, self._places.report):
            cell.listener.on(messages.Report, handler)
        cell.listener.on(messages.Batch, self._recorder.lost)
        stack = AsyncExitStack()
        try:
            await stack.enter_async_context(started(cell.parts()))
        except BaseException:
            await self._leases.give_up(held)
            raise
        self._running[held.name] = _Running(cell, stack)

    async def _end(self, name: str) -> None:
        """Drained where it is still ours."""
        running = self._running.pop(name, None)
        if running is None:
            return
        self._ending.add(name)
        try:
            if not running.cell.held.lost.is_set():
                await running.cell.drain()
            await running.stack.aclose()
        finally:
            self._ending.discard(name)
            await self._leases.give_up(running.cell.held)

    # --- what others change -------------------------------------------------------------------

    def _has_account(self, device: str) -> bool:
        return self._book.get(device) is not None

    async def _ask(self, device: str) -> None:
        account = await self._accounts.find(device)
        if account is not None:
            self._book.know(account)

    def _is_stale(self, what: Changed) -> None:
        self._stale.add(what)
        self._changed.set()

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            stale, self._stale = self._stale, set()
            try:
                if Changed.ACCOUNTS in stale:
                    await self._book.load()
                    self._newcomers.forget()
                if Changed.MAPPING in stale:
                    await self._mapping.read_again()
                    for running in self._running.values():
                        running.cell.follow_mapping()
            except BaseException:
                self._stale |= stale
                self._changed.set()
                raise

    def _forget_numbers(self, tenant: str) -> None:
        for running in self._running.values():
            running.cell.forget_numbers(tenant)

    def _forget_clock(self, device: str) -> None:
        for running in self._running.values():
            running.cell.forget_clock(device)
