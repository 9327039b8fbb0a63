"""Which devices a tenant has, and what somebody may have meant by a name that none has."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.errors import HubError

__all__ = ["DeviceUnknownError", "known_devices", "require_device", "require_past"]

_QUERIES = Queries.of("hub.devices")


class DeviceUnknownError(HubError):
    """There is no such device; `near` are those that may have been meant."""

    http_status = 404
    exit_status = 2

    def __init__(self, device: str, near: Iterable[str] = ()) -> None:
        self.device, self.near = device, list(near)
        meant = f"; perhaps {', '.join(self.near)}?" if self.near else ""
        super().__init__(f"there is no device {device[:64]!r}{meant}")


async def known_devices(database: TenantDatabase) -> list[str]:
    """Devices that were heard or have an account, by name."""
    async with database.transaction() as conn:
        rows = await (await conn.execute(_QUERIES["known_devices"])).fetchall()
    return [row[0] for row in rows]


async def require_past(database: TenantDatabase, device: str) -> None:
    """As require_device, for an id that a device had once, too."""
    async with database.transaction() as conn:
        rows = await (await conn.execute(_QUERIES["former_devices"])).fetchall()
    if (device,) not in rows:
        await require_device(database, device)


async def require_device(database: TenantDatabase, device: str) -> None:
    """Raises DeviceUnknownError, with names that are near, when the tenant has no such device."""
    known = await known_devices(database)
    if device not in known:
        raise DeviceUnknownError(device, near(device, known))


def near(device: str, known: Iterable[str]) -> list[str]:
    """At most three known names like it: by spelling, or of which it is a part."""
    names = list(known)
    parts = [name for name in names if len(device) >= 3 and device.lower() in name.lower()]
    return list(dict.fromkeys([*parts, *get_close_matches(device, names, 3, 0.6)]))[:3]
