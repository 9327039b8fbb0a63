"""The bridge set of every tenant: who hears of a device, and on which port each set is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from contracts.messages import Online
from contracts.reading import Reading, SeriesKey
from hub.errors import HubError
from hub.homekit.bridge import Bridge, ReportLike
from hub.homekit.errors import BridgePortTakenError
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["BridgeSets", "Ports"]

log = logging.getLogger(__name__)

_NOT_NOW: tuple[type[Exception], ...] = (HubError, OSError)

MakeBridge = Callable[[str, int], Bridge]


class Ports(Protocol):
    """Where the port of a tenant's first bridge is kept, so that it stays the same."""

    async def load(self, tenant: str) -> int:
        """The kept port; 0 where there is none yet."""
        ...

    async def save(self, tenant: str, port: int) -> None:
        """Keep it."""
        ...


class DeliveryLike(Protocol):
    """What is needed of how a message came."""

    retained: bool


class BridgeSets:
    """What the listener feeds: hands everything on to the bridge set of the device's tenant.

    `make(tenant, port)` makes a set, not started; `tenant_of` says whose a device is. The set of
    a new tenant is started when its first device is heard; what comes meanwhile waits for it.
    `vouched` says whether the broker has the sessions of the devices that it says are online.
    """

    def __init__(
        self,
        make: MakeBridge,
        tenant_of: Callable[[str], str],
        ports: Ports,
        supervisor: Supervisor | None = None,
        *,
        vouched: Callable[[], bool] = lambda: True,
    ) -> None:
        self._make = make
        self._tenant_of = tenant_of
        self._ports = ports
        self._vouched = vouched
        self._sets: dict[str, Bridge] = {}
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.BRIDGE)
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, list[Callable[[Bridge], object]]] = {}

    async def start(self, *tenants: str) -> None:
        """Start the sets of the tenants known so far."""
        for tenant in tenants:
            await self._start(tenant)

    async def stop(self) -> None:
        """Stop every set."""
        await self._tasks.stop()
        await asyncio.gather(*(bridge.stop() for bridge in self._sets.values()))

    def running(self) -> Mapping[str, Bridge]:
        """The started sets by tenant."""
        return self._sets

    def update(self, reading: Reading, *, live: bool) -> None:
        """See Bridge.update."""
        tenant = self._tenant_of(reading.series.device)
        bridge = self._sets.get(tenant)
        if bridge is not None:
            bridge.update(reading, live=live)
        else:
            self._later(tenant, lambda bridge: bridge.update(reading, live=live))

    def remove(self, what: SeriesKey, /) -> None:
        """See Bridge.remove."""
        self._on(what.device, lambda bridge: bridge.remove(what))

    def remove_service(self, device: str, service: str, index: int) -> None:
        """See Bridge.remove_service."""
        self._on(device, lambda bridge: bridge.remove_service(device, service, index))

    def report(self, device: str, report: ReportLike, *, live: bool, waited: float = 0) -> None:
        """See Bridge.report."""
        self._on(device, lambda bridge: bridge.report(device, report, live=live, waited=waited))

    def knows(self, series: SeriesKey, /) -> bool:
        """See Bridge.knows."""
        bridge = self._sets.get(self._tenant_of(series.device))
        return bridge is not None and bridge.knows(series)

    def model_of(self, device: str) -> str | None:
        """What kind of device it says it is; None where its set does not run."""
        bridge = self._sets.get(self._tenant_of(device))
        return bridge.model_of(device) if bridge is not None else None

    def rules_changed(self) -> None:
        """The mapping is another: what devices declare may be too."""
        for bridge in self._sets.values():
            for device in list(bridge.tree.models):
                bridge.growth.grow(device)

    def recalibrated(self, tenant: str, series: Iterable[SeriesKey]) -> None:
        """These are calibrated otherwise: controllers are told what follows at once.

        A set that does not run yet starts with what holds then.
        """
        bridge = self._sets.get(tenant)
        if bridge is not None:
            for key in series:
                bridge.display.recalibrate(key)

    def handle_online(self, message: Online, delivery: DeliveryLike) -> None:
        """A device came or went: a handler for Listener.on."""
        self.online(message.device, message.online, live=not delivery.retained)

    def online(self, device: str, online: bool | None, *, live: bool) -> None:
        """See Bridge.online."""
        vouched = self._vouched()
        self._on(device, lambda bridge: bridge.online(device, online, live=live, vouched=vouched))

    def _on(self, device: str, call: Callable[[Bridge], object]) -> None:
        tenant = self._tenant_of(device)
        bridge = self._sets.get(tenant)
        if bridge is not None:
            call(bridge)
        else:
            self._later(tenant, call)

    def _later(self, tenant: str, call: Callable[[Bridge], object]) -> None:
        self._waiting.setdefault(tenant, []).append(call)
        if tenant not in self._starting:
            self._starting[tenant] = self._tasks.spawn(
                "starting a tenant's HomeKit bridges", self._start_late(tenant)
            )

    async def _start(self, tenant: str) -> None:
        stored_port = await self._ports.load(tenant)
        bridge = self._make(tenant, stored_port)
        try:
            await bridge.start()
        except BridgePortTakenError:
            if not stored_port:
                raise
            bridge = self._make(tenant, 0)
            await bridge.start()
        port = bridge.pairings()[0].port
        if port != stored_port:
            await self._ports.save(tenant, port)
        self._sets[tenant] = bridge
        for call in self._waiting.pop(tenant, ()):
            call(bridge)

    async def _start_late(self, tenant: str) -> None:
        """Tried again at the tenant's next message; what waited is shown by later readings."""
        try:
            await self._start(tenant)
        except _NOT_NOW as error:
            log.error("the HomeKit bridges of %s did not start: %s", tenant, error)  # noqa: TRY400  # one line says it
        finally:
            self._starting.pop(tenant, None)
            self._waiting.pop(tenant, None)
