"""Putting a device into a place, named from the outside in."""

from __future__ import annotations

from collections.abc import Sequence

from hub.database.database import Store
from hub.devices.changes import Changes
from hub.places.repository import Places

__all__ = ["put"]


async def put(store: Store, tenant: str, device: str, path: Sequence[str], who: str) -> int:
    """Make device and places as far as they are missing; the innermost place's number.

    Raises StoreError leaves.
    """
    places = Places(store, tenant)
    parent: int | None = None
    for name in path:
        parent = await places.ensure(name, parent)
    await Changes(store, tenant, who).place(device, parent)
    return parent or 0
