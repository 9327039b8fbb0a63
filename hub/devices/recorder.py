"""Keeps what devices say of themselves; the handlers are for Listener.on."""

from __future__ import annotations

from collections.abc import Callable

from contracts.messages import Batch, Report
from hub.database.database import Database
from hub.devices.repository import DeviceRepository
from hub.mqtt.source import Delivery

__all__ = ["DeviceRecorder"]


class DeviceRecorder:
    """`tenant_of` says whose a device is."""

    def __init__(self, store: Database, tenant_of: Callable[[str], str]) -> None:
        self._store, self._tenant_of = store, tenant_of

    async def report(self, report: Report, delivery: Delivery) -> None:
        """A device's report."""
        if not delivery.retained:
            devices = self._of(report.device)
            await devices.report(report.device, report.raw, delivery.at, report.next_wake_s)

    async def lost(self, batch: Batch, _delivery: Delivery) -> None:
        """How many readings a device says that it gave up."""
        if batch.lost:
            await self._of(batch.device).lost(batch.device, batch.boot, batch.lost)

    async def received_ranges(self, device: str, boot: str) -> list[tuple[int, int]]:
        """The ranges of a boot identity's sequence numbers that the database holds: for Acks."""
        for gaps in await self._of(device).gaps(device):
            if gaps.boot == boot:
                edges = [0, *(edge for missing in gaps.missing for edge in missing), gaps.last + 1]
                pairs = zip(edges[::2], edges[1::2], strict=True)
                return [(a + 1, b - 1) for a, b in pairs if a + 1 < b]
        return []

    def _of(self, device: str) -> DeviceRepository:
        return DeviceRepository(self._store.of(self._tenant_of(device)))
