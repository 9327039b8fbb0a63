"""Devices that are not heard any more, and those that are again: a line each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from hub.runtime.log_events import EVENTS
from hub.runtime.supervisor import PartRole, Supervisor
from hub.runtime.ticks import tick

__all__ = ["PresenceLog"]

_LOOK_S = 15.0
# Lines of one look and tenant: a power cut silences a school at once.
_MOST = 50


class PresentDevices(Protocol):
    """hub.homekit.bridge.Bridge."""

    def names(self) -> Mapping[str, str]:
        """The devices that are shown, by id."""
        ...

    def available(self, device: str) -> bool:
        """Whether it is heard when it should be."""
        ...


class PresenceLog:
    """Looks every 15 s at the devices of all tenants, as Apple Home shows them.

    A device is lost when it is late by what it said of its next wake, or by what is known of its
    kind. What was so at the hub's start is no news.
    """

    def __init__(
        self,
        bridges: Callable[[], Mapping[str, PresentDevices]],
        supervisor: Supervisor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bridges, self._clock = bridges, clock
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.DUTIES)
        self._known: dict[tuple[str, str], bool] = {}
        self._since: dict[tuple[str, str], float] = {}

    async def start(self) -> None:
        """Begin."""
        self._tasks.loop("telling of devices that are silent", self._run)

    async def stop(self) -> None:
        """End."""
        await self._tasks.stop()

    def look(self) -> None:
        """What changed since the last look is logged."""
        now = self._clock()
        seen: dict[tuple[str, str], bool] = {}
        for tenant, bridge in self._bridges().items():
            here = {device: bridge.available(device) for device in bridge.names()}
            seen |= {(tenant, device): there for device, there in here.items()}
            changed = [
                device
                for device, there in here.items()
                if self._known.get((tenant, device), there) is not there
            ]
            self._say(tenant, [device for device in changed if not here[device]], now, back=False)
            self._say(tenant, [device for device in changed if here[device]], now, back=True)
            for device, there in here.items():
                if there:
                    self._since[tenant, device] = now
        self._known = seen
        self._since = {key: at for key, at in self._since.items() if key in seen}

    def _say(self, tenant: str, devices: Iterable[str], now: float, *, back: bool) -> None:
        every = sorted(devices)
        one, more = (
            (EVENTS.device_back, EVENTS.devices_back)
            if back
            else (EVENTS.device_lost, EVENTS.devices_lost)
        )
        for device in every[:_MOST]:
            silent = now - self._since.get((tenant, device), now)
            one.log(device=device, tenant=tenant, silent_s=round(silent))
        if len(every) > _MOST:
            more.log(devices=len(every) - _MOST, tenant=tenant)

    async def _run(self) -> None:
        while True:
            self.look()
            await tick(_LOOK_S)
