"""A message cell: one broker, consumed by the one worker that has its lease."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from contracts import topics
from hub.database.database import Database
from hub.database.key_value import KeyValueStore
from hub.database.lease.held import HeldLease
from hub.ingest.ingest import Ingest
from hub.ingest.redating import Redating
from hub.ingest.stalls import Stalls
from hub.ingest.tenants import TenantIngest
from hub.mapping.translator import Translator
from hub.mqtt.acks import Acks
from hub.mqtt.clock import Clocks
from hub.mqtt.delivery import Delivery
from hub.mqtt.endpoint import Endpoint
from hub.mqtt.last_reports import LastReports, StoredReport
from hub.mqtt.listener import BridgeLike, Listener
from hub.mqtt.newcomers import Newcomers
from hub.mqtt.source import MqttSource
from hub.mqtt.stored_clocks import StoredClocks
from hub.runtime.host_clock import HostClock
from hub.runtime.problems import Problems
from hub.runtime.supervisor import PartRole, RunningPart, Supervisor

__all__ = ["Cell"]

log = logging.getLogger(__name__)


class Cell:
    """From one broker's messages to rows and `$ack`, while `held` is ours.

    What is known of devices (ledger of `$ack`, clocks, last reports) is read anew when it starts.
    The session at the broker is the hub's own, whichever worker uses it: what waits there waits for
    the next. `tenant` is the hub's own, where clocks are kept.
    """

    DRAIN_S = 3.0
    """s: how long what was taken from the broker may take until it is stored and acknowledged."""

    def __init__(
        self,
        endpoint: Endpoint,
        held: HeldLease,
        database: Database,
        *,
        tenant: str,
        tenant_of: Callable[[str], str],
        translator: Translator,
        bridge: BridgeLike,
        problems: Problems,
        clock: HostClock,
        redating: Redating,
        newcomers: Newcomers,
        stored_ranges: Callable[[str, str], Awaitable[Iterable[tuple[int, int]]]],
        stored_report: StoredReport,
        supervisor: Supervisor,
    ) -> None:
        self.endpoint, self.held = endpoint, held
        self._translator = translator
        self._source = MqttSource(
            # Whoever slept would take the session away from its successor.
            held.only_while(endpoint),
            self._filters(),
            client_id=f"dormouse-{tenant}",
            mark="hub",
            clock=clock,
            supervisor=supervisor,
        )
        self._tasks = supervisor.tasks(PartRole.INTAKE)
        self._acks = Acks(self._source, stored_ranges, supervisor=supervisor)
        self.ingest = TenantIngest(
            tenant_of,
            lambda name: Ingest(
                database.of(name),
                settled=lambda: clock.settled,
                corrects=redating.corrects,
                fence=held.fence,
                supervisor=supervisor,
            ),
            supervisor,
        )
        self._stalls = Stalls(database, self.ingest.all, supervisor)
        self._clocks = Clocks(correction=clock.correction)
        key_values = KeyValueStore(database.of(tenant), "mqtt")
        self._stored_clocks = StoredClocks(key_values, self._clocks, supervisor)
        self.listener = Listener(
            _Known(self._source, newcomers),
            bridge,
            self.ingest,
            problems,
            clocks=self._clocks,
            on_committed=self._acks.committed,
            translator=translator,
            last_reports=LastReports(stored_report),
            supervisor=supervisor,
        )

    def parts(self) -> list[RunningPart]:
        """In the order in which they are to be started."""
        intake = PartRole.INTAKE
        return [
            RunningPart.of("clocks", intake, self._stored_clocks),
            RunningPart.of("acknowledgements", intake, self._acks),
            RunningPart("stalls", intake, self._stalls.start, self._stalls.stop),
            RunningPart("readings", intake, None, self.ingest.stop),
            RunningPart.of("listener", intake, self.listener),
            RunningPart("log", intake, self._log, self._tasks.stop),
        ]

    async def drain(self) -> None:
        """Take nothing more, and see what was taken through: for who hands it over."""
        await self._source.drain(self.DRAIN_S)
        await self._acks.sent(self.DRAIN_S)

    def follow_mapping(self) -> None:
        """The mapping has changed."""
        self._source.follow(self._filters())

    def forget_numbers(self, tenant: str) -> None:
        """Look the numbers of a tenant's series up anew; of all where it is empty."""
        for name, ingest in self.ingest.by_tenant().items():
            if tenant in {"", name}:
                ingest.forget_numbers()

    def forget_clock(self, device: str) -> None:
        """Take its next message as prompt."""
        self._clocks.forget(device)

    async def _log(self) -> None:
        self._tasks.spawn("saying that a broker is consumed", self._consumed())

    async def _consumed(self) -> None:
        await self._source.connected.wait()
        log.info("messages of %s are taken in by this worker", self.endpoint.name)

    def _filters(self) -> list[str]:
        return [topics.DEVICES, *self._translator.filters]


class _Known:
    """A Source whose messages are of devices that are known."""

    def __init__(self, source: MqttSource, newcomers: Newcomers) -> None:
        self._source, self._newcomers = source, newcomers
        self.acknowledge, self.publish = source.acknowledge, source.publish

    async def start(self, deliver: Callable[[Delivery], None]) -> None:
        """As Source.start."""
        await self._source.start(partial(self._newcomers.deliver, deliver))

    async def stop(self) -> None:
        """As Source.stop."""
        await self._source.stop()
