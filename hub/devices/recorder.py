"""Keeps what devices say of themselves; the handlers are for Listener.on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tenacity import AsyncRetrying

from contracts.messages import Batch, Report
from hub.database.database import Database
from hub.database.errors import DatabaseAwayError, RefusedValueError, WriteConflictError
from hub.devices.repository import DeviceRepository, ReceivedReport
from hub.mqtt.delivery import Delivery
from hub.mqtt.ledger import Ledger
from hub.runtime.gathered import Gathered
from hub.runtime.retry import retrying

__all__ = ["DeviceRecorder"]

_PAUSES = (0.02, 1.0)  # s: first and longest, where intake writes the same rows just now
_AWAY_PAUSES = (0.2, 5.0)  # s: first and longest, while the database is away
# Reports that wait for the database, of the 2000 messages that the broker gives us at once.
_MOST_WAITING = 1000


class DeviceRecorder:
    """`tenant_of` says whose a device is.

    While the database is away reports wait for it, the last one of each device alone, and the
    broker keeps them; one that came with QoS 0, and what is more than may wait, is lost.
    """

    def __init__(self, store: Database, tenant_of: Callable[[str], str]) -> None:
        self._store, self._tenant_of = store, tenant_of
        self._keeping: dict[str, Gathered[ReceivedReport, RefusedValueError | None]] = {}
        self._losing: dict[str, Gathered[tuple[str, str, int], None]] = {}
        self._last: dict[str, ReceivedReport] = {}
        self._asked: dict[str, Gathered[tuple[str, str], list[tuple[int, int]]]] = {}

    async def report(self, report: Report, delivery: Delivery) -> None:
        """A device's report. Raises RefusedValueError; DatabaseAwayError where it may not wait."""
        if not delivery.retained:
            at, next_wake = delivery.at, report.next_wake_s
            received = ReceivedReport(report.device, report.raw, at, next_wake, delivery.clock)
            try:
                await self._kept(received)
            except DatabaseAwayError:
                full = received.device not in self._last and len(self._last) >= _MOST_WAITING
                if delivery.tag is None or full:
                    raise
                await self._kept_later(received)

    async def _kept(self, received: ReceivedReport) -> None:
        tenant = self._tenant_of(received.device)
        keep = self._keeping.setdefault(tenant, Gathered(partial(self._keep, tenant), 100))
        refused = await keep.of(received)
        if refused is not None:
            raise refused

    async def _kept_later(self, received: ReceivedReport) -> None:
        """Once the database is there again, unless the device reports anew until then."""
        self._last[received.device] = received

        async def attempt() -> None:
            if self._last.get(received.device) is received:
                await self._kept(received)

        first, longest = _AWAY_PAUSES
        try:
            await retrying([DatabaseAwayError], first=first, longest=longest)(attempt)
        finally:
            if self._last.get(received.device) is received:
                del self._last[received.device]

    async def lost(self, batch: Batch, _delivery: Delivery) -> None:
        """How many readings a device says that it gave up."""
        if batch.lost:
            tenant = self._tenant_of(batch.device)
            keep = self._losing.setdefault(tenant, Gathered(partial(self._lose, tenant)))
            await keep.of((batch.device, batch.boot, batch.lost))

    async def received_ranges(self, device: str, boot: str) -> list[tuple[int, int]]:
        """The ranges of a boot identity's sequence numbers that the database holds: for Acks.

        The lowest `Ledger.RANGES` of them. Those who ask at the same time are answered together:
        after a power cut all devices have a new boot identity at once.
        """
        tenant = self._tenant_of(device)
        asked = self._asked.setdefault(tenant, Gathered(partial(self._received, tenant)))
        return await asked.of((device, boot))

    async def last_report(self, device: str) -> Mapping[str, Any] | None:
        """What a device last reported; None if it never did."""
        devices = DeviceRepository(self._store.of(self._tenant_of(device)))
        return await devices.last_report(device)

    async def _keep(
        self, tenant: str, received: Sequence[ReceivedReport]
    ) -> Mapping[ReceivedReport, RefusedValueError | None]:
        """Keep what can be kept; why the others cannot."""
        devices = DeviceRepository(self._store.of(tenant))
        try:
            await _when_free()(devices.reports, received)
        except RefusedValueError as error:
            if len(received) == 1:
                return {received[0]: error}
            # One that cannot be kept takes no other with it.
            return {one: (await self._keep(tenant, [one]))[one] for one in received}
        return dict.fromkeys(received)

    async def _lose(
        self, tenant: str, said: Sequence[tuple[str, str, int]]
    ) -> Mapping[tuple[str, str, int], None]:
        devices = DeviceRepository(self._store.of(tenant))
        await _when_free()(devices.losses, said)
        return dict.fromkeys(said)

    async def _received(
        self, tenant: str, boots: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], list[tuple[int, int]]]:
        found = await DeviceRepository(self._store.of(tenant)).received(boots, Ledger.RANGES)
        return {boot: found.get(boot, []) for boot in boots}


def _when_free() -> AsyncRetrying:
    first, longest = _PAUSES
    return retrying([WriteConflictError], first=first, longest=longest)
