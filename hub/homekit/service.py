"""What people and programs ask of the HomeKit bridges of all tenants, and have them do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.reading import Reading, SeriesKey, Value
from hub.homekit.bridge import Bridge
from hub.homekit.errors import UnknownDeviceError
from hub.homekit.model import UnshownPart
from hub.homekit.pairing import PairingInfo

__all__ = ["HomeKitService"]


class HomeKitService:
    """Asks and commands the bridges of a tenant; `running` has those that run here.

    A tenant whose bridges do not run has nothing to tell. What changes something is awaited, and
    done when it returns.
    """

    def __init__(self, running: Callable[[], Mapping[str, Bridge]]) -> None:
        self._running = running

    # --- asked --------------------------------------------------------------------------------

    def tenants(self) -> list[str]:
        """Those whose bridges run."""
        return list(self._running())

    def runs(self, tenant: str) -> bool:
        """Whether a tenant's bridges run: from its first device on."""
        return tenant in self._running()

    def pairings(self, tenant: str) -> list[PairingInfo]:
        """How to pair each of its bridges, and who did."""
        bridge = self._of(tenant)
        return [] if bridge is None else bridge.pairings()

    def accessories(self, tenant: str) -> list[dict[str, Any]]:
        """What controllers are shown, bridge by bridge, as people read it."""
        bridge = self._of(tenant)
        return [] if bridge is None else bridge.accessories()

    def unshown(self, tenant: str) -> list[UnshownPart]:
        """What is not shown, and why."""
        bridge = self._of(tenant)
        return [] if bridge is None else bridge.unshown()

    def names(self, tenant: str) -> Mapping[str, str]:
        """What each shown device is called."""
        bridge = self._of(tenant)
        return {} if bridge is None else bridge.names()

    def has(self, tenant: str, device: str) -> bool:
        """Whether there is a place for a device."""
        bridge = self._of(tenant)
        return bridge is not None and bridge.has(device)

    def available(self, tenant: str, device: str) -> bool:
        """Whether a device's values are shown rather than "No Response"."""
        bridge = self._of(tenant)
        return bridge is not None and bridge.available(device)

    def online(self, tenant: str, device: str) -> bool | None:
        """What a device's last will says; None when it has none."""
        bridge = self._of(tenant)
        return None if bridge is None else bridge.online_of(device)

    def desired(self, tenant: str, device: str) -> Mapping[str, str]:
        """What a sleeping device is to be told when it wakes, by the name of the part."""
        bridge = self._of(tenant)
        return {} if bridge is None else bridge.desired_of(device)

    def settable(self, tenant: str, key: SeriesKey) -> bool:
        """Whether a device lets a series be set; True where nobody knows."""
        bridge = self._of(tenant)
        return bridge is None or bridge.settable(key)

    # --- to be done ---------------------------------------------------------------------------

    async def unpair(self, tenant: str, controller: str | None = None) -> int:
        """Forget one controller, or all; how many pairings ended."""
        bridge = self._of(tenant)
        return 0 if bridge is None else bridge.unpair(controller)

    async def unlock(self, tenant: str) -> int:
        """Take codes again after too many wrong ones; how many bridges had been told any."""
        bridge = self._of(tenant)
        return 0 if bridge is None else bridge.unlock()

    async def remove(self, tenant: str, device: str) -> bool:
        """Take a device out, until it speaks again; False where it was not in."""
        bridge = self._of(tenant)
        if bridge is None or not bridge.has(device):
            return False
        bridge.remove(device)
        return True

    async def replace(self, tenant: str, old: str, new: str) -> bool:
        """Let `new` have the accessory of `old`, with its room; False where `old` had none."""
        bridge = self._of(tenant)
        if bridge is None or not bridge.has(old):
            return False
        bridge.replace(old, new)
        return True

    async def renew(
        self, tenant: str, key: SeriesKey, heard: tuple[Value, datetime] | None
    ) -> None:
        """Readings of a series were removed: see Members.renew.

        Bridges that do not run yet start with what was kept, until the device is heard.
        """
        bridge = self._of(tenant)
        if bridge is not None:
            bridge.members.renew(key, heard)

    async def send(self, tenant: str, key: SeriesKey, value: Value) -> bool:
        """Send a device a value, as if a controller had written it. See Bridge.send_command."""
        bridge = self._of(tenant)
        if bridge is None:
            raise UnknownDeviceError(key.device)
        return bridge.send_command(key, value)

    async def call_sensor(
        self, tenant: str, device: str, service: str, index: int, name: str
    ) -> None:
        """Call one of a device's services by a name that HomeKit takes."""
        bridge = self._of(tenant)
        if bridge is not None:
            key = SeriesKey(device, service, index, "ConfiguredName")
            bridge.update(Reading(key, name, datetime.now(UTC)), live=False)

    def _of(self, tenant: str) -> Bridge | None:
        return self._running().get(tenant)
