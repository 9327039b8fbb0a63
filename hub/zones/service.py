"""Whose clock counts: a device's place's, the tenant's, the hub's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from contracts.zones import UnknownZoneError, zone_names, zone_of
from hub.database.database import Database
from hub.database.errors import ForeignRowError
from hub.zones.errors import ZoneRefusedError
from hub.zones.local_zone import local_zone
from hub.zones.repository import ZoneRepository

__all__ = ["TenantZones", "ZoneService", "checked_zone"]

_Places = Mapping[int, tuple[int | None, str | None]]


@dataclass(frozen=True, slots=True)
class TenantZones:
    """A tenant's zones: what holds where a place says nothing, and what places say of their own.

    `own` is what the tenant itself has; None: `zone` is that of the hub's machine.
    """

    zone: ZoneInfo
    own: str | None
    places: _Places

    def of_place(self, place: int | None) -> ZoneInfo:
        """The zone of a place: its own, else of the nearest around it, else the tenant's."""
        seen: set[int] = set()
        while place is not None and place not in seen and place in self.places:
            seen.add(place)
            place, own = self.places[place]
            if own is not None:
                return _kept(own, self.zone)
        return self.zone


class ZoneService:
    """The zones of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    def names() -> list[str]:
        """What there is to choose from, sorted."""
        return zone_names()

    async def of(self, tenant: str) -> TenantZones:
        """All of a tenant's."""
        zones = self._of(tenant)
        own = await zones.of_tenant()
        default = _kept(local_zone(), ZoneInfo("UTC"))
        return TenantZones(_kept(own, default), own, await zones.of_places())

    async def of_place(self, tenant: str, place: int) -> ZoneInfo:
        """The zone of a place. Raises ForeignRowError."""
        zones = await self.of(tenant)
        if place not in zones.places:
            raise ForeignRowError(f"no place {place}")
        return zones.of_place(place)

    async def of_devices(self, tenant: str, devices: Sequence[str]) -> ZoneInfo:
        """The zone of where devices are now, if they share one; else the tenant's."""
        zones = await self.of(tenant)
        where = await self._of(tenant).places_of(devices)
        theirs = {zones.of_place(where.get(device)).key for device in devices}
        return zone_of(theirs.pop()) if len(theirs) == 1 else zones.zone

    async def set_tenant(self, tenant: str, zone: str | None) -> None:
        """Give a tenant a zone; None: the hub's. Raises ZoneRefusedError."""
        await self._check(tenant, zone)
        await self._of(tenant).set_tenant(zone)

    async def set_place(self, tenant: str, place: int, zone: str | None) -> None:
        """Give a place a zone; None: that of the place around it.

        Raises ZoneRefusedError, ForeignRowError.
        """
        await self._check(tenant, zone)
        await self._of(tenant).set_place(place, zone)

    async def _check(self, tenant: str, zone: str | None) -> None:
        if zone is not None:
            checked_zone(zone)
            if not await self._of(tenant).known(zone):
                raise ZoneRefusedError(
                    f"{zone} is a time zone of this machine's but none of the database's: "
                    "bring Postgres' zone table up to date"
                )

    def _of(self, tenant: str) -> ZoneRepository:
        return ZoneRepository(self._database.of(tenant))


def checked_zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises ZoneRefusedError."""
    try:
        return zone_of(name)
    except UnknownZoneError as error:
        raise ZoneRefusedError(str(error)) from None


def _kept(name: str | None, default: ZoneInfo) -> ZoneInfo:
    """A zone by its stored name; the default where this machine's tables do not know it."""
    try:
        return default if name is None else zone_of(name)
    except UnknownZoneError:
        return default
