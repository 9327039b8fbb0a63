"""How the bridges are found on the local network, wherever it is at the moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from zeroconf import Error, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from hub.homekit.announced import AnnouncedService
from hub.homekit.interfaces import EVERYWHERE, Interface, Reach, reach
from hub.homekit.netlink import InterfaceWatch, read_interfaces

__all__ = ["Advertiser", "addresses"]

log = logging.getLogger(__name__)

# s: a link that comes brings several addresses, one after the other.
_SETTLE = 0.3
_NOT_NOW = (OSError, RuntimeError, Error)


def addresses(host: str) -> list[str]:
    """At which IPv4 addresses other machines of the home reach what listens on `host` now.

    The one that is listened on where it is one; loopback where there is no network.
    """
    if host not in EVERYWHERE:
        return [host]
    found = reach(read_interfaces(), host).addresses
    return [address for address in found if ":" not in address] or ["127.0.0.1"]


class Advertiser:
    """Multicast DNS for all bridges of a set, as HAP-python uses it.

    It speaks on the interfaces that lead to `host` (see `reach`), or on those called `names`, and
    `follow` keeps to them as they come, change and go. Where multicast is not possible the bridges
    work all the same for whoever knows their address; one line in the log says so. `shared` is
    closed, and kept to its interfaces, by its owner. `read` has the system's interfaces.
    """

    def __init__(
        self,
        host: str,
        shared: AsyncZeroconf | None = None,
        *,
        names: Sequence[str] = (),
        read: Callable[[], Iterable[Interface]] = read_interfaces,
    ) -> None:
        self._host, self._names, self._read = host, names, read
        self._zeroconf: Any = shared
        self._own = shared is None
        self._reach = Reach((), (), ())
        self._infos: dict[str, ServiceInfo] = {}
        self._services: list[AnnouncedService] = []
        # What is being said of each name: it is repeated for a second or two.
        self._said: dict[str, asyncio.Future[Any]] = {}
        self._tried = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """What to announce now; empty while there is no network."""
        return self._reach.addresses

    async def open(self) -> None:
        """Look at the network, and join the multicast group where there is one."""
        self._reach = reach(self._read(), self._host, self._names)
        await self._join()

    async def follow(self, changed: Callable[[], None]) -> None:
        """Keep to the interfaces, until cancelled; `changed` is called when addresses are others.

        Whoever is told must bring the announcements up to date.
        """
        if not self._own:
            return
        with InterfaceWatch() as watch:
            while True:
                await self.look(changed)
                await watch.changed()
                await asyncio.sleep(_SETTLE)

    async def look(self, changed: Callable[[], None]) -> None:
        """Compare with what was seen last, and take up what is new."""
        before, self._reach = self._reach, reach(self._read(), self._host, self._names)
        if self._zeroconf is None:
            await self._join()
        if before == self._reach:
            return
        log.info("homekit: found at %s", ", ".join(self.addresses) or "no address now")
        if before.addresses != self._reach.addresses:
            changed()  # before anything is said on the new interfaces
            for service in self._services:
                await self.async_update_service(service.info(self.addresses))
        if self._zeroconf is not None:
            await self._move(before)

    async def announce(self, service: AnnouncedService) -> None:
        """Announce a service beside the bridges, where this machine is found, until `withdraw`."""
        self._services.append(service)
        info = service.info(self.addresses)
        await self.async_register_service(info, cooperating_responders=True)

    async def withdraw(self, service: AnnouncedService) -> None:
        """Take a service back."""
        self._services.remove(service)
        await self.async_unregister_service(self._infos[service.name])

    async def close(self) -> None:
        """Leave, if we joined."""
        if self._own and self._zeroconf is not None:
            await self._zeroconf.async_close()
            self._zeroconf = None

    async def async_register_service(self, info: ServiceInfo, **options: Any) -> None:
        """Announce a bridge."""
        self._infos[info.name] = info
        await self._do("async_register_service", info, **options)

    async def async_update_service(self, info: ServiceInfo) -> None:
        """Announce that a bridge changed."""
        self._infos[info.name] = info
        await self._do("async_update_service", info)

    async def async_unregister_service(self, info: ServiceInfo) -> None:
        """Take a bridge back."""
        self._infos.pop(info.name, None)
        await self._do("async_unregister_service", info)

    async def async_close(self) -> None:
        """Nothing: one driver's stop must not close what the others share."""

    async def _join(self) -> None:
        if not self._own:
            return
        six = any(isinstance(one, int) for one in self._reach.multicast)
        try:
            self._zeroconf = AsyncZeroconf(
                interfaces=list(self._reach.multicast),
                ip_version=IPVersion.All if six else IPVersion.V4Only,
            )
        except _NOT_NOW as error:
            level = logging.DEBUG if self._tried else logging.WARNING
            log.log(level, "homekit: no multicast here (%s): bridges cannot be discovered", error)
            self._tried = True
            return
        self._tried = False
        for info in list(self._infos.values()):
            await self._do("async_register_service", info, cooperating_responders=True)

    async def _move(self, before: Reach) -> None:
        """Speak on the interfaces that there are now.

        One whose link went and came back, or that is another under the same address, is left and
        joined anew: the kernel forgot that we had, and who is there has not heard of us.
        """
        came_back = {
            one.index
            for one in self._reach.interfaces
            for other in before.interfaces
            if one != other and set(one.addresses) & set(other.addresses)
        }
        stale = {
            place
            for one in self._reach.interfaces
            if one.index in came_back
            for place in (one.index, *map(str, one.addresses))
        }
        try:
            if stale:
                kept = [place for place in self._reach.multicast if place not in stale]
                await self._zeroconf.async_update_interfaces(kept)
            await self._zeroconf.async_update_interfaces(list(self._reach.multicast))
        except _NOT_NOW as error:
            log.warning("homekit: cannot follow the network: %s", error)

    async def _do(self, call: str, info: ServiceInfo, **options: Any) -> None:
        if self._zeroconf is None:
            return
        if (said := self._said.pop(info.name, None)) is not None:
            said.cancel()  # it would go on telling former addresses, on new interfaces too
        try:
            saying = await getattr(self._zeroconf, call)(info, **options)
            if isinstance(saying, asyncio.Future):
                self._said[info.name] = saying
        except _NOT_NOW as error:
            log.warning("homekit: cannot advertise %s: %s", info.name, error)
