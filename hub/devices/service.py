"""What may be asked and done about devices: by pages and by the API alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from contracts.reading import SeriesKey, Value
from hub.database.database import Database
from hub.devices.changes import DeviceChanges
from hub.devices.glance import Glance, glance
from hub.devices.history import DeviceAtInstant, PropertyChange, changes_of, device_at
from hub.devices.known import require_device
from hub.devices.overview import DeviceOverview, overview
from hub.devices.repository import BootGaps, DeviceRepository
from hub.devices.write import send_value
from hub.homekit.bridge import Bridge

__all__ = ["DeviceService"]


class DeviceService:
    """The devices of all tenants; `bridges` gives the HomeKit bridges by tenant."""

    def __init__(self, database: Database, bridges: Callable[[], Mapping[str, Bridge]]) -> None:
        self._database, self._bridges = database, bridges

    async def glance(self, tenant: str, device: str | None = None) -> Glance:
        """The tenant's places, and its devices (or the one) with their newest values."""
        return await glance(self._database.of(tenant), device)

    async def overview(self, tenant: str, devices: list[str] | None = None) -> list[DeviceOverview]:
        """The tenant's devices (these, or all) with their last values as measured, by name."""
        return await overview(self._database.of(tenant), devices)

    async def require(self, tenant: str, device: str) -> None:
        """Raise DeviceUnknownError, with names that are near, when there is no such device."""
        await require_device(self._database.of(tenant), device)

    async def at(self, tenant: str, device: str, instant: datetime) -> DeviceAtInstant | None:
        """A device as it was at an instant; None before it was known."""
        return await device_at(self._database.of(tenant), device, instant)

    async def changes(
        self,
        tenant: str,
        device: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        most: int = 100,
    ) -> list[PropertyChange]:
        """What changed of a device, since < at <= until, the newest first."""
        database = self._database.of(tenant)
        return await changes_of(database, device, since=since, until=until, most=most)

    async def gaps(self, tenant: str, device: str) -> list[BootGaps]:
        """Which of a device's readings never came, by boot identity, the oldest first."""
        return await DeviceRepository(self._database.of(tenant)).gaps(device)

    async def put(self, tenant: str, device: str, place: int | None, who: str) -> None:
        """Put a device into a place, by its number; None: into none.

        Raises ForeignRowError.
        """
        await DeviceChanges(self._database.of(tenant), who).place(device, place)

    async def command(self, tenant: str, key: SeriesKey, value: Value) -> tuple[Value, bool]:
        """Send a device a value: the value in its format, and whether it was sent at once.

        Raises as hub.devices.write.tell.
        """
        return await send_value(self._database, self._bridges(), tenant, key, value)
