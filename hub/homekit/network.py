"""How the bridges are found on the local network, where that is possible."""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

import ifaddr
from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

__all__ = ["Advertiser", "addresses"]

log = logging.getLogger(__name__)

_EVERYWHERE = {"", "0.0.0.0", "::"}


def addresses(host: str) -> list[str]:
    """What to advertise for an address that is listened on; loopback where there is no other."""
    if host not in _EVERYWHERE:
        return [host]
    addresses_here = [
        str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4
    ]
    outside = [ip for ip in addresses_here if not ipaddress.ip_address(ip).is_loopback]
    return outside or ["127.0.0.1"]


class Advertiser:
    """Multicast DNS for all bridges of a set, as HAP-python uses it.

    Where multicast is not possible the bridges work all the same for whoever knows their
    address; `working` says so and one line in the log. `shared` is closed by its owner.
    """

    def __init__(self, host: str, shared: AsyncZeroconf | None = None) -> None:
        self._host = host
        self._zeroconf: Any = shared
        self._own = shared is None
        self.working = shared is not None

    def open(self) -> None:
        """Join the multicast group."""
        if not self._own:
            return
        try:
            if self._host in _EVERYWHERE:
                self._zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only)
            else:
                self._zeroconf = AsyncZeroconf(interfaces=[self._host], ip_version=IPVersion.V4Only)
        except OSError as error:
            log.warning("homekit: no multicast here (%s): bridges cannot be discovered", error)
        self.working = self._zeroconf is not None

    async def close(self) -> None:
        """Leave, if we joined."""
        if self._own and self._zeroconf is not None:
            await self._zeroconf.async_close()
        self.working = False

    async def async_register_service(self, info: ServiceInfo, **options: Any) -> None:
        """Announce a bridge."""
        await self._do("async_register_service", info, **options)

    async def async_update_service(self, info: ServiceInfo) -> None:
        """Announce that a bridge changed."""
        await self._do("async_update_service", info)

    async def async_unregister_service(self, info: ServiceInfo) -> None:
        """Take a bridge back."""
        await self._do("async_unregister_service", info)

    async def async_close(self) -> None:
        """Nothing: one driver's stop must not close what the others share."""

    async def _do(self, call: str, info: ServiceInfo, **options: Any) -> None:
        if self._zeroconf is None:
            return
        try:
            await getattr(self._zeroconf, call)(info, **options)
        except OSError as error:
            log.warning("homekit: cannot advertise %s: %s", info.name, error)
