"""Putting a device into a place, named from the outside in."""

from __future__ import annotations

from collections.abc import Sequence

from hub.store.changes import Changes
from hub.store.places import Places
from hub.store.store import Store

__all__ = ["put"]


async def put(store: Store, tenant: str, device: str, path: Sequence[str]) -> int:
    """Make device and places as far as they are missing; the innermost place's number.

    Raises StoreError leaves.
    """
    places = Places(store, tenant)
    parent: int | None = None
    for name in path:
        parent = await places.ensure(name, parent)
    await Changes(store, tenant, "provision").place(device, parent)
    return parent or 0
