"""What may be asked and done about devices: by pages and by the API alike."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.reading import SeriesKey, Value
from hub.database.database import Database
from hub.devices.changes import DeviceChanges
from hub.devices.documents import devices_where
from hub.devices.glance import DeviceGlance, Glance, glance
from hub.devices.history import (
    DeviceAtInstant,
    PropertyChange,
    changes_of,
    device_at,
    refuse_replaced,
    replaced,
)
from hub.devices.known import (
    DeviceUnknownError,
    known_devices,
    require_device,
    require_past,
)
from hub.devices.lookup import NamedDevice, look_up
from hub.devices.moves import MoveRepository
from hub.devices.overview import DeviceOverview, overview
from hub.devices.placements import Stay
from hub.devices.repository import BootGaps, DeviceRepository
from hub.devices.write import send_value, writable
from hub.homekit.service import HomeKitService

__all__ = ["DeviceService"]


class DeviceService:
    """The devices of all tenants."""

    def __init__(self, database: Database, homekit: HomeKitService) -> None:
        self._database, self._homekit = database, homekit

    async def everywhere(
        self, tenants: Sequence[str], where: str | None = None
    ) -> list[tuple[str, DeviceGlance]]:
        """The devices of several tenants as of one moment, each with its tenant.

        `where` as that of devices_where. Raises UnknownTenantError, PathError, PathTooSlowError.
        """
        found: list[tuple[str, DeviceGlance]] = []
        async with self._database.across(tenants) as snapshots:
            for tenant in tenants:
                of = snapshots.of(tenant)
                matching = None if where is None else await devices_where(of, where)
                found += [
                    (tenant, device)
                    for device in (await glance(of)).devices
                    if matching is None or device.device in matching
                ]
        return found

    async def all_tenants(self) -> list[str]:
        """The names of all tenants, for an operator."""
        return await self._database.tenants()

    async def named(
        self, text: str, tenants: Sequence[str], names: Callable[[str], Awaitable[dict[str, str]]]
    ) -> NamedDevice:
        """The device that is meant by an id or a name: of the first tenant that has such a one.

        `names` gives what a tenant's devices are called. Raises DeviceUnknownError,
        AmbiguousNameError.
        """
        known: list[NamedDevice] = []
        for tenant in tenants:
            its = await self._named(tenant, await names(tenant))
            with contextlib.suppress(DeviceUnknownError):
                return look_up(text, its)
            known += its
        return look_up(text, known)

    async def _named(self, tenant: str, names: Mapping[str, str]) -> list[NamedDevice]:
        database = self._database.of(tenant)
        place_of = await self.place_paths(tenant)
        return [
            NamedDevice(device, names.get(device, ""), place_of.get(device, []), tenant)
            for device in await known_devices(database)
        ]

    async def place_paths(self, tenant: str) -> dict[str, list[str]]:
        """Where the devices are, by id: the names of places from the outside in."""
        return await DeviceRepository(self._database.of(tenant)).place_paths()

    async def where(self, tenant: str, path: str) -> set[str]:
        """Those whose report or attributes match a jsonpath. Raises PathError, PathTooSlowError."""
        return set(await devices_where(self._database.of(tenant), path))

    async def glance(self, tenant: str, device: str | None = None) -> Glance:
        """The tenant's places, and its devices (or the one) with their newest values."""
        return await glance(self._database.of(tenant), device)

    async def overview(self, tenant: str, devices: list[str] | None = None) -> list[DeviceOverview]:
        """The tenant's devices (these, or all) with their last values, by name."""
        return await overview(self._database.of(tenant), devices)

    async def require(self, tenant: str, device: str) -> None:
        """Raise DeviceUnknownError, with names that are near, when there is no such device."""
        await require_device(self._database.of(tenant), device)

    async def require_past(self, tenant: str, device: str) -> None:
        """As `require`, for an id that a device had once, too."""
        await require_past(self._database.of(tenant), device)

    async def replaced(
        self, tenant: str, device: str, instant: datetime
    ) -> tuple[str, datetime] | None:
        """Which device had taken its place by an instant, and when."""
        return await replaced(self._database.of(tenant), device, instant)

    async def at(self, tenant: str, device: str, instant: datetime) -> DeviceAtInstant | None:
        """The device that had that id at an instant, as it was; None where none had."""
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

    async def note(
        self, tenant: str, device: str, change: object, who: str, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Note attributes of a device: see DeviceChanges.attributes."""
        changes = DeviceChanges(self._database.of(tenant), who)
        return await changes.attributes(device, change, dry_run=dry_run)

    async def put(
        self,
        tenant: str,
        device: str,
        place: int | None,
        who: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> str:
        """Put a device into a place, by its number; None: into none. The id that it has today.

        With `since` the move is told that happened then, with `until` one that has ended: see
        hub.devices.placements.told. The id of a device that was replaced answers for its time.
        Raises ForeignRowError, DeviceReplacedError, MoveTimeError, OverlappingStayError.
        """
        database = self._database.of(tenant)
        await refuse_replaced(database, device, since)
        if since is None:
            await DeviceChanges(database, who).place(device, place)
            return device
        moves = MoveRepository(database)
        return await moves.move(device, place, since=since, until=until, who=who)

    async def stays(self, tenant: str, device: str) -> list[tuple[Stay, list[str]]]:
        """Where a device was, in order, with the places' names from the outside in."""
        moves = MoveRepository(self._database.of(tenant))
        paths = await moves.paths()
        return [(stay, paths.get(stay.place, [])) for stay in await moves.stays(device)]

    async def measured_in(self, tenant: str) -> list[tuple[int, SeriesKey]]:
        """Every place with the series of devices that are or were there, and not below it."""
        return await MoveRepository(self._database.of(tenant)).measured_in()

    def settable(self, tenant: str, key: SeriesKey) -> bool:
        """Whether a device may be sent a value for a series, and lets anybody set it.

        What the device says of that is known where its bridge runs; elsewhere the kind counts.
        """
        return writable(key) and self._homekit.settable(tenant, key)

    async def command(self, tenant: str, key: SeriesKey, value: Value) -> tuple[Value, bool]:
        """Send a device a value: the value in its format, and whether it was sent at once.

        Raises as hub.devices.write.tell.
        """
        return await send_value(self._database, self._homekit, tenant, key, value)
