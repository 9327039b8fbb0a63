"""What a device's page is about: the device as it was read, whose it is, where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from hub.api.principal import Principal
from hub.devices.glance import DeviceGlance, Glance, PlaceGlance
from hub.live import Missed, Update
from hub.services import Services
from hub.web.home.view import name_of

__all__ = ["DeviceTab", "OpenedDevice"]


@dataclass(slots=True)
class OpenedDevice:
    """A device as one open page has it; `names` are HomeKit's by device, `zone` its clock."""

    services: Services
    principal: Principal
    glance: Glance
    device: DeviceGlance
    names: Mapping[str, str]
    zone: ZoneInfo

    @property
    def key(self) -> str:
        """Its id."""
        return self.device.device

    @property
    def name(self) -> str:
        """What people call it."""
        return name_of(self.device, self.names)

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return self.principal.tenant

    @property
    def places(self) -> list[PlaceGlance]:
        """The places it is in, from the outside in."""
        known = {place.place: place for place in self.glance.places}
        path: list[PlaceGlance] = []
        at = known.get(self.device.place or 0)
        while at is not None and at not in path:
            path.insert(0, at)
            at = known.get(at.parent or 0)
        return path

    async def read(self) -> None:
        """Ask the database what holds now. Raises DatabaseAwayError."""
        found = await self.services.devices.glance(self.tenant, self.key)
        for one in found.devices:
            self.device = one
        self.glance = type(self.glance)(found.places, self.glance.devices)


class DeviceTab(Protocol):
    """One tab of a device's page."""

    async def build(self) -> None:
        """Make it."""

    async def take(self, update: Update | Missed) -> None:
        """Something was heard, of this or of another device. Raises DatabaseAwayError."""
