"""Whom a rule can be about: places and devices, by their names."""

from __future__ import annotations

from hub.database.database import TenantDatabase
from hub.database.queries import Queries
from hub.notifications.phrases import Whereabouts

__all__ = ["names_of", "whereabouts_of"]

_QUERIES = Queries.of("hub.notifications")


async def names_of(database: TenantDatabase) -> tuple[dict[int, str], dict[str, str | None]]:
    """Names of a tenant's places by number, and of its devices by id (None: it has none)."""
    async with database.transaction() as conn:
        places = await (await conn.execute(_QUERIES["places"])).fetchall()
        devices = await (await conn.execute(_QUERIES["located_devices"])).fetchall()
    return {p: name for p, _, name in places}, {d: name for d, name, _ in devices}


async def whereabouts_of(database: TenantDatabase) -> Whereabouts:
    """A tenant's places, by name and path, and its devices, by name and id."""
    async with database.transaction() as conn:
        rows = await (await conn.execute(_QUERIES["places"])).fetchall()
    _, devices = await names_of(database)
    parents = {place: parent for place, parent, _ in rows}
    own = {place: name for place, _, name in rows}
    places: dict[str, list[int]] = {}
    for place in own:
        path: list[str] = []
        at: int | None = place
        while at is not None and len(path) < 100:
            path.append(own[at])
            places.setdefault("/".join(reversed(path)).casefold(), []).append(place)
            at = parents[at]
    called: dict[str, list[str]] = {}
    for device, name in devices.items():
        for text in {device.casefold(), (name or device).casefold()}:
            called.setdefault(text, []).append(device)
    return Whereabouts(places, called)
